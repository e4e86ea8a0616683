package config

import "testing"

func TestPolicyAt(t *testing.T) {
	own := base + "policy:\n  allowed: [EU]\ncustomers:\n  acme:\n    allowed: [EU, CH]\n    data: [cloud:one]\n  globex:\n" +
		"    data: [cloud:two]\n"
	for _, tt := range []struct {
		name, in, file, customer string
		line                     int
	}{
		{"of all", own, "f.yaml", "globex", 9},
		{"of nobody", own, "f.yaml", "", 9},
		{"of somebody by a tag", own, "f.yaml", "x.y[0]", 9},
		{"of a customer", own, "f.yaml", "acme", 12},
		{"none is written", base, "f.yaml", "acme", 1},
		{"no file", base, BuiltIn, "acme", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse(load(t), tt.file, []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if line, column := c.PolicyAt(tt.customer); line != tt.line || (column > 0) != (line > 0) {
				t.Errorf("line %d, column %d; want line %d", line, column, tt.line)
			}
		})
	}
}
