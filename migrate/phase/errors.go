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

// Undo refuses to go on with a plan as long as what others have done to its destination
// stands.
func Undo(format string, args ...any) error {
	return remedy.Wrap(fmt.Errorf("%w: %s", ErrChanged, fmt.Sprintf(format, args...)),
		"undo that at the destination, and the same command goes on with this plan. As long as nothing is erased, residency "+
			"migrate --abort ID removes what it wrote, and a new plan can use another destination.bucket")
}

// Changed refuses to go on with a plan whose ends are not what was approved.
func Changed(format string, args ...any) error {
	return fmt.Errorf("%w: %s; make a new plan", ErrChanged, fmt.Sprintf(format, args...))
}
