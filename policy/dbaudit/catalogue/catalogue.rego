# METADATA
# title: The rules
# description: >-
#   The rules of the policies, and which of them can judge. The functions depend only on their arguments, so that
#   dbaudit evaluates them once for all snapshots with the same coverage.
package dbaudit.catalogue

# METADATA
# description: The METADATA of each rule by its id, which is category/name.
rules := {id: metadata |
	some id, path in rule_paths
	metadata := data.dbaudit.rules[path[0]][path[1]].metadata
}

# METADATA
# description: The category and the name of each rule by its id.
rule_paths := {sprintf("%s/%s", [category, name]): [category, name] |
	some category, name
	data.dbaudit.rules[category][name].metadata.requires
}

# METADATA
# description: The ids of the rules that need a section, by section.
requiring := {section: ids |
	some section in {section | some rule in rules; some section in rule.requires}
	ids := {id | some id, rule in rules; section in rule.requires}
}

# METADATA
# description: The ids of the rules that can judge a solution's files without all of their sections.
offline := {id | some id, rule in rules; rule.offline}

# METADATA
# description: Why a rule does not apply to a solution's files, by rule.
inapplicable(source, coverage) := {id: sprintf("a %s contains no %s", [source, _section_words(lacking[0])]) |
	absent := {section | some section, covered in coverage; covered.state == "inapplicable"}
	some id in (_rules_needing(absent) - offline)
	lacking := [section | some section in rules[id].requires; section in absent]
}

# METADATA
# description: Why a rule that applies cannot judge, by rule. A section that the input does not mention was not read.
unread(source, coverage) := {id: concat("; ", reasons) |
	read := read_sections(coverage)
	some id in (_rules_needing(object.keys(requiring) - read) - object.keys(inapplicable(source, coverage)))
	reasons := [_unread_reason(section, object.get(coverage, section, {})) |
		some section in rules[id].requires
		not section in read
	]
}

# METADATA
# description: The sections that were read, and those that the input cannot contain.
read_sections(coverage) := {section | some section, covered in coverage; covered.state in {"collected", "inapplicable"}}

_rules_needing(sections) := union({requiring[section] | some section in sections})

# METADATA
# description: Why a section was not read.
_unread_reason(section, covered) := concat(": ", [text | some text in [what, detail]; text != ""]) if {
	what := sprintf("%s %s", [_section_words(section), object.get(_state_words, object.get(covered, "state", ""), "were not read")])
	detail := object.get(covered, "detail", "")
}

_state_words := {"failed": "could not be read", "forbidden": "may not be read"}

_section_words(section) := replace(section, "_", " ")
