package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

var update = flag.Bool("update", false, "write the table of variables into its help topic")

// TestVariables holds the help topic against the flags that the commands have.
func TestVariables(t *testing.T) {
	storetest.Generated(t, filepath.Join("..", "manual", "topics", "environment.md"), "flags",
		variables((&app{}).root()), *update)
}

// TestVariableOfList gives a flag that can be repeated one value a line.
func TestVariableOfList(t *testing.T) {
	var out, diagnostics bytes.Buffer
	file := filepath.Join(t.TempDir(), "made.yaml")
	variables := map[string]string{"RESIDENCY_DATA": "aws:one/\n\n  aws:two/a,b/\n", "RESIDENCY_CUSTOMER": "acme",
		"RESIDENCY_POLICY": "EU,CH\nFR"}
	code := Main(t.Context(), Streams{In: &out, Out: &out, Err: &diagnostics}, []string{"init", file},
		func(name string) string { return variables[name] }, nil, nil)
	if code != exitOK {
		t.Fatalf("exit code %d\n%s", code, &diagnostics)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`data: [aws:one/, "aws:two/a,b/"]`, "allowed: [EU, CH, FR]"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}
