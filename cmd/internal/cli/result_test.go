package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
)

// What the destination has added by itself, and what was not compared, stand in
// the summary.
func TestPrintResultAdded(t *testing.T) {
	var out bytes.Buffer
	a := &app{Streams: Streams{Out: &out}, output: "table", page: render.Page{Width: 100}}
	r := &migrate.Result{Entries: 3, Added: map[string]int64{"encryption AES256": 3, "retention GOVERNANCE": 1},
		NotCompared: []string{"this: because", "that: because"}}
	if err := a.printResult(&plan.Plan{}, r, "migrate", nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n  added         3 encryption AES256, 1 retention GOVERNANCE, by the destination itself\n",
		"\n  not compared  this: because; that: because\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the summary lacks %q:\n%s", want, out.String())
		}
	}
}
