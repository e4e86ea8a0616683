package phase

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/receipt"
)

// Failed says that something is left, why, and whether a further run can help.
func Failed(f receipt.Failures, format string, args ...any) error {
	e := &FailuresError{kind: ErrPartial, text: fmt.Sprintf(format, args...), left: f.Entries, lasting: f.Lasting}
	if f.Entries > 0 && f.Lasting == f.Entries {
		e.kind = ErrStuck
	}
	order := slices.SortedFunc(slices.Values(f.Causes), func(a, b receipt.CauseCount) int {
		return cmp.Or(cmp.Compare(b.Entries, a.Entries), cmp.Compare(fmt.Sprint(a.Cause), fmt.Sprint(b.Cause)))
	})
	var why []string
	for _, c := range order[:min(len(order), maxCauses)] {
		if err := c.Err(); err != nil {
			e.causes = append(e.causes, err)
			why = append(why, err.Error())
		}
	}
	if len(why) > 0 {
		e.text += " (" + strings.Join(why, "; ") + ")"
	}
	return e
}

// maxCauses is how many causes an error names, the most frequent first.
const maxCauses = 3

// FailuresError says that entries failed, and why: it wraps ErrPartial, or ErrStuck where
// running again alone would not help, and an error for each of the most frequent causes,
// of the type that the entries met, whether in this run or in one before.
type FailuresError struct {
	kind          error
	text          string
	causes        []error
	left, lasting int64
}

func (e *FailuresError) Error() string {
	text := e.kind.Error() + ": " + e.text
	if e.lasting > 0 && e.lasting < e.left {
		text += fmt.Sprintf(", %d of them for reasons that will not change by running again", e.lasting)
	}
	return text
}

// Unwrap yields the kind and the causes.
func (e *FailuresError) Unwrap() []error { return append([]error{e.kind}, e.causes...) }

// Remedy says what the causes ask for, as package remedy asks for it, and to run the same
// command again where that alone completes something.
func (e *FailuresError) Remedy() string {
	var first []string
	for _, cause := range e.causes {
		if said := remedy.For(cause); said != "" && !slices.Contains(first, said) {
			first = append(first, said)
		}
	}
	switch asked := strings.Join(first, ". Also: "); {
	case asked == "", e.lasting == 0:
		return remedy.For(e.kind)
	case e.lasting == e.left:
		return asked
	default:
		return fmt.Sprintf("%s, except %s: %s", remedy.For(e.kind), Entries(e.lasting), asked)
	}
}
