package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// build is what the go command recorded about this program. What it did not record is
// not known, which null says.
type build struct {
	Schema    string  `json:"schema"`
	Version   string  `json:"version"` // of the module, or unreleased
	Commit    *string `json:"commit"`
	Committed *string `json:"committed"` // RFC 3339
	Modified  *bool   `json:"modified"`  // there were changes that the commit does not have
	Go        string  `json:"go"`
	Platform  string  `json:"platform"`
}

// unreleased is the version of what was built from a directory without one.
const unreleased = "development build"

func thisBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) build {
	b := build{Schema: "residency/version/1", Version: unreleased, Go: info.GoVersion,
		Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = strings.TrimPrefix(v, "v")
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = &s.Value
		case "vcs.time":
			b.Committed = &s.Value
		case "vcs.modified":
			modified := s.Value == "true"
			b.Modified = &modified
		}
	}
	return b
}

// String is the build in a line, as certificates name it.
func (b build) String() string {
	text := b.Version
	if b.Commit != nil {
		text += ", commit " + *b.Commit
		if b.Committed != nil {
			text += " of " + *b.Committed
		}
		if b.Modified != nil && *b.Modified {
			text += ", with changes that it does not have"
		}
	}
	return text
}

// tool is how results name this program.
func tool() string { return "residency " + thisBuild().String() }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version, and the commit it was built from",
		Long: `version shows what the go command recorded when it built this program. Certificates
have the same line. In JSON, null is what was not recorded.`,
		Example: `  residency version
  residency version -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if a.output == "json" {
				return a.json(b)
			}
			_, err := fmt.Fprintf(a.Out, "%s\n%s, %s\n", tool(), b.Go, b.Platform)
			return err
		},
	}
}
