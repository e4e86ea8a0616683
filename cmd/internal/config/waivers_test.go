package config

import (
	"strings"
	"testing"
)

func TestWaivers(t *testing.T) {
	valid := validator(t)
	for _, tt := range []struct {
		name, in, want string
		schema         bool // it says so too
	}{
		{"whole", "{place: cloud:legacy, reason: why, until: 2026-12-31, owner: dpo}", "", true},
		{"a prefix and a quoted date", `{place: "cloud:legacy/a/", reason: why, until: "2026-12-31", owner: dpo}`, "",
			true},
		{"no reason", "{place: cloud:legacy, until: 2026-12-31, owner: dpo}", "f.yaml:10:7: waiver: reason is missing", true},
		{"no owner", "{place: cloud:legacy, reason: why, until: 2026-12-31}", "f.yaml:10:7: waiver: owner is missing", true},
		{"no date", "{place: cloud:legacy, reason: why, owner: dpo}", "f.yaml:10:7: waiver: until is missing", true},
		{"no place", "{reason: why, until: 2026-12-31, owner: dpo}", "f.yaml:10:7: waiver: place is missing", true},
		{"an empty reason", `{place: cloud:legacy, reason: " ", until: 2026-12-31, owner: dpo}`,
			"f.yaml:10:7: waiver: reason", true},
		{"no such day", "{place: cloud:legacy, reason: why, until: 2026-02-30, owner: dpo}",
			`f.yaml:10:49: waiver: until "2026-02-30" is no date such as 2026-12-31`, false},
		{"a time", "{place: cloud:legacy, reason: why, until: 2026-02-20T10:00:00Z, owner: dpo}",
			"f.yaml:10:49: waiver: until", true},
		{"a year", "{place: cloud:legacy, reason: why, until: 2027, owner: dpo}",
			`f.yaml:10:49: waiver: until "2027"`, true},
		{"no location", "{place: legacy, reason: why, until: 2026-12-31, owner: dpo}", "f.yaml:10:15: waiver: ", true},
		{"a provider that is not there", "{place: aws:legacy, reason: why, until: 2026-12-31, owner: dpo}",
			`f.yaml:10:15: waiver: place "aws:legacy": no provider is called "aws"`, false},
		{"an unknown field", "{place: cloud:legacy, reason: why, untill: 2026-12-31, owner: dpo}",
			`f.yaml:10:42: unknown field "untill"`, true},
		{"a region", "{place: cloud:legacy, region: us-east-1, reason: why, until: 2026-12-31, owner: dpo}", "", true},
		{"twice, one of a region", "{place: cloud:legacy, reason: why, until: 2026-12-31, owner: dpo}\n" +
			"    - {place: cloud:legacy, region: us-east-1, reason: a, until: 2026-12-31, owner: b}",
			"f.yaml:11:15: waiver: cloud:legacy has two", false},
		{"twice", "{place: cloud:legacy, reason: why, until: 2026-12-31, owner: dpo}\n" +
			"    - {place: cloud:legacy, reason: a, until: 2026-12-31, owner: b}", "f.yaml:11:15: waiver: cloud:legacy has two", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := base + "policy:\n  waivers:\n    - " + tt.in + "\n"
			c, err := Parse(load(t), "f.yaml", []byte(text))
			if tt.want == "" {
				if err != nil || len(c.Waivers()) != 1 || c.Waivers()[0].Until.Format("02.01.06") != "31.12.26" {
					t.Errorf("%v, %+v", err, c)
				}
			} else if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if bad := valid(text); tt.schema && (bad != nil) != (tt.want != "") {
				t.Errorf("the schema says %v", bad)
			}
		})
	}
}
