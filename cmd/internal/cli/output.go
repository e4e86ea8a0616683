package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
)

// paragraph writes a text in lines that fit, with its severity word marked if it begins
// with one.
func (a *app) paragraph(format string, args ...any) {
	text := render.Wrap(render.Text(fmt.Sprintf(format, args...)), a.page.Width, "  ")
	fmt.Fprintln(a.Out, a.page.Mark(text))
}

// fact writes a text beside its name.
func (a *app) fact(name, format string, args ...any) {
	text := render.Text(fmt.Sprintf(format, args...))
	fmt.Fprintln(a.Out, render.Hang(fmt.Sprintf("  %-12s ", name), text, a.page.Width, strings.Repeat(" ", 15)))
}

// advice is what to do next, after a label: in lines that fit, unless it is a command,
// which is to be pasted as it is.
func advice(label, text string, width int) string {
	if strings.HasPrefix(text, "residency ") && strings.Contains(text, " --") {
		return label + text
	}
	start := label[:len(label)-len(strings.TrimLeft(label, " "))]
	return render.Hang(label, text, width, start+"  ")
}

// output is the one writer of results. It keeps the first error, after which nothing
// more is written: a result that did not arrive whole is no success.
type output struct {
	to  io.Writer
	err error
}

// errOutput is a result that did not arrive.
var errOutput = errors.New("the result could not be written to standard output")

func (o *output) Write(data []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.to.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err != nil {
		o.err = fmt.Errorf("%w: %w", errOutput, err)
	}
	return n, o.err
}
