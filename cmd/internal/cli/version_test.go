package cli

import (
	"runtime/debug"
	"testing"
)

// TestBuild has a line for each way in which people come by the program.
func TestBuild(t *testing.T) {
	commit := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "0123abcd"},
		{Key: "vcs.time", Value: "2026-11-28T10:00:00Z"}, {Key: "vcs.modified", Value: "false"}}
	changed := append(commit[:3:3], debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	for _, tt := range []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"go install of a release", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "1.2.3"},
		{"build of a tag", debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: commit},
			"1.2.3, commit 0123abcd of 2026-11-28T10:00:00Z"},
		{"build with changes", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: changed},
			"development build, commit 0123abcd of 2026-11-28T10:00:00Z, with changes that it does not have"},
		{"nothing recorded", debug.BuildInfo{}, "development build"},
	} {
		if got := buildOf(&tt.info).String(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if b := buildOf(&debug.BuildInfo{}); b.Commit != nil || b.Committed != nil || b.Modified != nil {
		t.Errorf("what was not recorded is known: %+v", b)
	}
}
