package cli

import (
	"errors"
	"fmt"
	"io"
)

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
