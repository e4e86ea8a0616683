package cli

import "fmt"

// fenceFlag asks for writes to the source to be denied: --fence where that is
// possible, --fence=required or not at all.
type fenceFlag string

// What it can be.
const (
	fenceOff      fenceFlag = "false"
	fencePossible fenceFlag = "true"
	fenceRequired fenceFlag = "required"
)

// String implements pflag.Value.
func (f *fenceFlag) String() string { return string(*f) }

// Set implements pflag.Value.
func (f *fenceFlag) Set(text string) error {
	switch v := fenceFlag(text); v {
	case fenceOff, fencePossible, fenceRequired:
		*f = v
		return nil
	}
	return fmt.Errorf("want --fence, or --fence=required")
}

// Type implements pflag.Value; a flag that says nothing is like a bool's.
func (f *fenceFlag) Type() string { return "" }
