package amazon

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write shapes.txt and RULES.md anew")

// TestShapes holds shapes.txt to the SDK's API model, as its serializers have it.
func TestShapes(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/s3").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(string(out))
	source, err := os.ReadFile(filepath.Join(dir, "serializers.go"))
	if err != nil {
		t.Fatal(err)
	}
	demanded := func(operation string) bool {
		text, err := os.ReadFile(filepath.Join(dir, "api_op_"+operation+".go"))
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(`RequireChecksum: +true`).Match(text)
	}
	current(t, "shapes.txt", shapesOf(string(source), demanded))
}

// TestRulesText holds RULES.md to the table in the code.
func TestRulesText(t *testing.T) { current(t, "RULES.md", rulesText()) }

// current compares a generated file, or writes it.
func current(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what it is made from; go test -update writes it anew", name)
	}
}

func shapesOf(source string, demanded func(operation string) bool) string {
	uri := regexp.MustCompile(`SplitURI\("([^"]*)"\)`)
	method := regexp.MustCompile(`request\.Method = "([A-Z]+)"`)
	header := regexp.MustCompile(`locationName := "([^"]+)"`)
	query := regexp.MustCompile(`SetQuery\("([^"]+)"\)`)
	prefix := regexp.MustCompile(`encoder\.Headers\("([^"]+)"\)`)
	start := regexp.MustCompile(`(?m)^func \(m \*awsRestxml_serializeOp(\w+)\) HandleSerialize`)
	bindings := regexp.MustCompile(`(?m)^func awsRestxml_serializeOpHttpBindings(\w+)Input\(`)
	function := func(from int) string {
		end := strings.Index(source[from:], "\n}\n")
		return source[from : from+end]
	}
	bound := map[string]string{}
	for _, m := range bindings.FindAllStringSubmatchIndex(source, -1) {
		bound[source[m[2]:m[3]]] = function(m[0])
	}
	lines := []string{"# From the SDK's API model: operation (! demands a checksum), method, query, headers (* " +
		"ends a prefix). Made by go test -update."}
	for _, m := range start.FindAllStringSubmatchIndex(source, -1) {
		name, text := source[m[2]:m[3]], function(m[0])
		mark := map[bool]string{true: "!"}[demanded(name)]
		queries, headers := map[string]bool{}, map[string]bool{}
		_, constant, _ := strings.Cut(uri.FindStringSubmatch(text)[1], "?")
		for pair := range strings.SplitSeq(constant, "&") {
			if q, _, _ := strings.Cut(pair, "="); q != "" {
				queries[q] = true
			}
		}
		for _, q := range query.FindAllStringSubmatch(bound[name], -1) {
			queries[q[1]] = true
		}
		for _, h := range header.FindAllStringSubmatch(bound[name], -1) {
			headers[h[1]] = true
		}
		for _, h := range prefix.FindAllStringSubmatch(bound[name], -1) {
			headers[h[1]+"*"] = true
		}
		join := func(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), ",") }
		lines = append(lines, strings.Join([]string{name + mark, method.FindStringSubmatch(text)[1], join(queries),
			join(headers)}, " | "))
	}
	return strings.Join(lines, "\n") + "\n"
}
