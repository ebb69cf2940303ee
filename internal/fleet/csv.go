package fleet

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// ParseCSV parses a CSV file of environments and returns a configuration for each row. The first
// row names the columns, in any order. Labels are KEY=VALUE pairs, separated by semicolons.
func ParseCSV(name string, data []byte) ([]*config.File, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff")))
	r.TrimLeadingSpace = true
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		err = errors.New("it is empty: its first row names the columns, such as name,url,every,labels")
	}
	if err != nil {
		return nil, run.Usagef("%s: %w", name, err)
	}
	columns := []string{
		"name", "url", "tenant_id", "client_id", "auth", "secret_env", "secret_file", "secret_ends", "certificate",
		"profile", "app_id", "user", "role", "business_unit", "every", "labels",
	}
	for i, c := range header {
		header[i] = strings.TrimSpace(c)
		if !slices.Contains(columns, header[i]) {
			return nil, run.Usagef("%s: there is no column %q: there are %s", name, c, strings.Join(columns, ", "))
		}
	}
	var files []*config.File
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, run.Usagef("%s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		cell := func(column string) string {
			if i := slices.Index(header, column); i >= 0 {
				return strings.TrimSpace(record[i])
			}
			return ""
		}
		file, err := configFromRow(name, cell)
		if err != nil {
			return nil, run.Usagef("%s:%d: %w", name, line, err)
		}
		files = append(files, file)
	}
}

// configFromRow returns the configuration of a row. It calls cell for the value of a column.
func configFromRow(name string, cell func(string) string) (*config.File, error) {
	env := config.Environment{
		URL: cell("url"), Every: cell("every"),
		Integration: config.Integration{AppID: cell("app_id"), User: cell("user"), Role: cell("role"), BusinessUnit: cell("business_unit")},
		Auth: config.Auth{
			Method: cell("auth"), TenantID: cell("tenant_id"), ClientID: cell("client_id"), Certificate: cell("certificate"), SecretEnds: cell("secret_ends"),
		},
	}
	if source := (config.Source{Env: cell("secret_env"), File: cell("secret_file")}); source != (config.Source{}) {
		env.Auth.Secret = &source
	}
	for label := range strings.SplitSeq(cell("labels"), ";") {
		if label = strings.TrimSpace(label); label == "" {
			continue
		}
		key, value, ok := strings.Cut(label, "=")
		if !ok {
			return nil, fmt.Errorf("the label %q: want KEY=VALUE, and a semicolon between two", label)
		}
		if env.Labels == nil {
			env.Labels = map[string]string{}
		}
		env.Labels[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	file := config.File{Profile: cell("profile"), Environments: map[string]config.Environment{cmp.Or(cell("name"), "?"): env}}
	encoded, err := file.Encode()
	if err != nil {
		return nil, err
	}
	parsed, err := config.Parse(name, encoded)
	if fault, ok := errors.AsType[*yamldoc.Fault](err); ok {
		err = errors.New(fault.Message) // its line is in the encoded configuration, which the user does not see
	}
	return parsed, err
}
