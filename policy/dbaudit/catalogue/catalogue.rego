# METADATA
# title: The rules
# description: >-
#   Which rules the policies have. This depends on neither the input nor the profile: dbaudit evaluates the rules of
#   this package once for all snapshots.
package dbaudit.catalogue

# METADATA
# description: What the METADATA of each rule says, by the rule's id, category/name.
rules := {id: metadata |
	some id, place in places
	metadata := data.dbaudit.rules[place[0]][place[1]].metadata
}

# METADATA
# description: The category and the name of each rule by its id.
places := {sprintf("%s/%s", [category, name]): [category, name] |
	some category, name
	data.dbaudit.rules[category][name].metadata.requires
}

# METADATA
# description: The rules that need a section of the input, by section.
requiring := {section: ids |
	some section in {section | some rule in rules; some section in rule.requires}
	ids := {id | some id, rule in rules; section in rule.requires}
}

# METADATA
# description: The rules that can judge a solution's files, though these lack some of the sections.
offline := {id | some id, rule in rules; rule.offline}
