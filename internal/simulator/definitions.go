package simulator

import (
	"slices"
	"strings"
)

// entityDefinitions answers for the metadata of tables: that of one by LogicalName or MetadataId, or
// of those that a filter on LogicalName chooses.
func (c *call) entityDefinitions() (answer, error) {
	if err := c.caller.need(c.world, "prvReadEntity"); err != nil {
		return answer{}, err
	}
	if len(c.path) > 1 {
		return answer{}, noSegment(c.path[1].name)
	}
	for _, name := range []string{"$top", "$orderby", "$count", "$apply", "$skiptoken"} {
		if _, ok := c.query.options[name]; ok {
			return answer{}, badURL("The query parameter %s is not supported on EntityMetadata.", name)
		}
	}
	if err := c.query.allow("$select", "$filter"); err != nil {
		return answer{}, err
	}
	members, err := definitionColumns(c.query.options["$select"])
	if err != nil {
		return answer{}, err
	}
	context := c.root + "$metadata#EntityDefinitions"
	if s := c.query.options["$select"]; s != "" {
		context += "(" + s + ")"
	}
	if c.path[0].hasParens {
		t, err := c.definitionByKey(c.path[0])
		if err != nil {
			return answer{}, err
		}
		body := object{{"@odata.context", context + "/$entity"}}
		return answer{body: append(body, definition(t, members)...)}, nil
	}
	chosen, err := c.definitionsByFilter()
	if err != nil {
		return answer{}, err
	}
	values := make([]object, len(chosen))
	for i, t := range chosen {
		values[i] = definition(t, members)
	}
	return answer{body: object{{"@odata.context", context}, {"value", values}}}, nil
}

func (c *call) definitionByKey(s segment) (*table, error) {
	if len(s.args) != 1 {
		return nil, badURL("Bad Request - Error in query syntax.")
	}
	arg := s.args[0]
	if arg.name == "LogicalName" {
		name, ok := parseString(arg.value)
		if !ok {
			return nil, badURL("Bad Request - Error in query syntax.")
		}
		if t := c.world.cat.byTable[name]; t != nil {
			return t, nil
		}
		return nil, &apiError{404, codeObjectNotFound, "Could not find an entity with specified entity name: " + name}
	}
	if id, ok := parseGUID(arg.value); ok && (arg.name == "" || arg.name == "MetadataId") {
		for _, t := range c.world.cat.tables {
			if metadataID(t) == id {
				return t, nil
			}
		}
		return nil, &apiError{404, codeObjectNotFound, "Could not find an entity with specified MetadataId: " + id}
	}
	return nil, badURL("Bad Request - Error in query syntax.")
}

func (c *call) definitionsByFilter() ([]*table, error) {
	text, ok := c.query.options["$filter"]
	if !ok {
		return c.world.cat.tables, nil
	}
	// The definitions are a table of their own to the filter's parser.
	pred, err := parseFilter(definitionType(), text)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(c.world.cat.tables), func(t *table) bool { return !pred(c.world, t) }), nil
}

// definitionType has the properties of EntityMetadata that can be filtered.
func definitionType() *entityType {
	t := &entityType{logicalName: "EntityMetadata", columns: []column{
		stringCol("LogicalName", func(_ *world, t *table) string { return t.logicalName }),
		stringCol("EntitySetName", func(_ *world, t *table) string { return t.entitySet }),
		stringCol("SchemaName", func(_ *world, t *table) string { return t.schemaName() }),
		guidCol("MetadataId", func(_ *world, t *table) string { return metadataID(t) }),
		intCol("ObjectTypeCode", func(_ *world, t *table) int { return t.objectTypeCode }),
	}, columnsByName: map[string]*column{}}
	for i := range t.columns {
		t.columnsByName[t.columns[i].name] = &t.columns[i]
	}
	return t
}

func metadataID(t *table) string { return deriveID("", "table", t.logicalName) }

func definitionMembers() []string {
	return []string{
		"LogicalName", "EntitySetName", "ObjectTypeCode", "SchemaName", "OwnershipType", "IsPrivate", "IsIntersect",
		"IsManaged", "IsCustomEntity", "DisplayName", "PrimaryIdAttribute", "PrimaryNameAttribute", "Privileges",
	}
}

func definitionColumns(selected string) ([]string, error) {
	if selected == "" {
		return definitionMembers(), nil
	}
	var names []string
	for name := range strings.SplitSeq(selected, ",") {
		name = strings.TrimSpace(name)
		if name == "MetadataId" {
			continue // always there
		}
		if !slices.Contains(definitionMembers(), name) {
			return nil, noProperty(name, "EntityMetadata")
		}
		names = append(names, name)
	}
	return names, nil
}

func definition(t *table, members []string) object {
	o := object{}
	for _, name := range members {
		o = o.with(name, definitionMember(t, name))
	}
	return o.with("MetadataId", metadataID(t))
}

func definitionMember(t *table, name string) any {
	switch name {
	case "LogicalName":
		return t.logicalName
	case "EntitySetName":
		return t.entitySet
	case "ObjectTypeCode":
		return t.objectTypeCode
	case "SchemaName":
		return t.schemaName()
	case "OwnershipType":
		return t.ownership
	case "IsManaged":
		return true
	case "DisplayName":
		label := object{{"Label", t.label}, {"LanguageCode", 1033}, {"IsManaged", true}, {"MetadataId", deriveID("", "label", t.logicalName)}, {"HasChanged", nil}}
		return object{{"LocalizedLabels", []object{label}}, {"UserLocalizedLabel", label}}
	case "PrimaryIdAttribute":
		return t.logicalName + "id"
	case "PrimaryNameAttribute":
		return "name"
	case "Privileges":
		return definitionPrivileges(t)
	default:
		return false
	}
}

func definitionPrivileges(t *table) []object {
	list := make([]object, len(t.privileges))
	for i, p := range t.privileges {
		list[i] = object{
			{"CanBeBasic", p.Allows(DepthBasic)},
			{"CanBeLocal", p.Allows(DepthLocal)},
			{"CanBeDeep", p.Allows(DepthDeep)},
			{"CanBeGlobal", p.Allows(DepthGlobal)},
			{"CanBeEntityReference", false},
			{"CanBeParentEntityReference", false},
			{"CanBeRecordFilter", false},
			{"Name", p.Name},
			{"PrivilegeId", p.ID},
			{"PrivilegeType", p.Verb},
		}
	}
	return list
}
