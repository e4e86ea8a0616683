package cli

import (
	"fmt"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory/objectstore"
)

// leastBandwidth is what keeps many connections going, in bytes per second: slower, and
// services give them up.
const leastBandwidth = 64 << 10

// bandwidth bounds data per second, as a flag: a size, with /s or without; 0: nothing does.
type bandwidth int64

// String implements pflag.Value.
func (b *bandwidth) String() string {
	if *b == 0 {
		return ""
	}
	return render.Bytes(int64(*b)) + "/s"
}

// Type implements pflag.Value.
func (b *bandwidth) Type() string { return "rate" }

// Set implements pflag.Value.
func (b *bandwidth) Set(text string) error {
	n, err := parseSize(strings.TrimSuffix(text, "/s"), "10MiB (a second)")
	if err != nil {
		return err
	}
	if n < leastBandwidth {
		return fmt.Errorf("%s a second is less than the %d KiB that keep connections going", text, leastBandwidth>>10)
	}
	*b = bandwidth(n)
	return nil
}

// pace is what bounds all providers together, or nil.
func (a *app) pace() objectstore.Pace {
	if a.bandwidth == 0 {
		return nil
	}
	if a.paced == nil {
		a.paced = objectstore.NewPace(int64(a.bandwidth), a.now, objectstore.Sleep)
	}
	return a.paced
}
