package manual

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate/permission"
)

var update = flag.Bool("update", false, "write the table of permissions into its topic")

const root = "../../.."

// TestTopics holds the topics against those that people are told of.
func TestTopics(t *testing.T) {
	want := []string{"certificate", "ci", "clouds", "compatibility", "configuration", "cost", "development", "environment", "exit-codes",
		"how-it-works", "limits", "permissions"}
	var names []string
	for _, topic := range Topics() {
		names = append(names, topic.Name)
		if !strings.HasPrefix(topic.Markdown, "# "+topic.Title+"\n") || topic.Title == "" {
			t.Errorf("%s does not begin with its title", topic.Name)
		}
		for _, line := range strings.Split(topic.Text(80), "\n") {
			if n := utf8.RuneCountInString(line); n > 130 || strings.Contains(line, "](") || strings.Contains(line, "**") {
				t.Errorf("%s: %d columns, or marks that nobody wants to see: %s", topic.Name, n, line)
			}
		}
		page := topic.Man()
		if !strings.HasPrefix(page, "% ") || !strings.Contains(page, "\nresidency-"+topic.Name+" - ") {
			t.Errorf("%s is no manual page:\n%.300s", topic.Name, page)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("topics %v, want %v", names, want)
	}
	if none := Lookup("nothing"); none != (Topic{}) {
		t.Errorf("there is a topic %q", none.Name)
	}
}

// TestPermissions holds the table in the topic against the one by which policies are made.
func TestPermissions(t *testing.T) {
	storetest.Generated(t, filepath.Join("topics", "permissions.md"), "permissions",
		"```\n"+permission.Help()+"\n```", *update)
}

// TestPaths looks whether each file exists that a page names, and each page that it
// refers to.
func TestPaths(t *testing.T) {
	path := regexp.MustCompile("`((?:cmd|inventory|migrate|regions|scripts)/[a-z0-9_/]+(?:\\.go)?/?)`")
	reference := regexp.MustCompile(`\]\(([^)#]+)\)`)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	check := func(page, directory, text string) {
		for _, m := range path.FindAllStringSubmatch(text, -1) {
			checked++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for _, m := range reference.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			checked++
			if _, err := os.Stat(filepath.Join(directory, m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
	for _, topic := range Topics() {
		check(topic.Name, "topics", topic.Markdown)
	}
	check("README", root, string(readme))
	if checked < 40 {
		t.Errorf("%d paths were checked, want those of a walk through the code", checked)
	}
}
