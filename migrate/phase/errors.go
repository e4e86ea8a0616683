package phase

import (
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/remedy"
)

// What several phases end with.
var (
	ErrPartial = remedy.New("some entries could not be moved",
		"run the same command again; it completes what is missing")
	ErrStuck = remedy.Wrap(fmt.Errorf("%w, and running again would not help", ErrPartial),
		"resolve what the reasons name (--log-keys shows the keys): move away what is in the way at the destination, "+
			"or grant the access that is missing; the same command then resumes. As long as nothing is erased, "+
			"migrate --abort ID removes what the plan wrote, and a new plan can use another destination.bucket")
	ErrChanged = remedy.New("changed since the plan",
		"residency plan writes a new plan of what is there now; review it and approve its digest")
	ErrVerification = errors.New("not every entry is verified")
)

// Changed refuses to go on with a plan whose ends are not what was approved.
func Changed(format string, args ...any) error {
	return fmt.Errorf("%w: %s; make a new plan", ErrChanged, fmt.Sprintf(format, args...))
}
