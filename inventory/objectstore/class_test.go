package objectstore_test

import (
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

func TestClasses(t *testing.T) {
	infrequent := objectstore.Class{MinimumDays: 30, MinimumBytes: 131072, Retrieved: true}
	for name, want := range map[string]objectstore.Class{
		"": {}, "STANDARD": {}, "REDUCED_REDUNDANCY": {}, "STANDARD_IA": infrequent, "ONEZONE_IA": infrequent,
		"GLACIER_IR":          {MinimumDays: 90, MinimumBytes: 131072, Retrieved: true},
		"GLACIER":             {Archived: true, MinimumDays: 90, OverheadBytes: 32768, StandardBytes: 8192},
		"DEEP_ARCHIVE":        {Archived: true, MinimumDays: 180, OverheadBytes: 32768, StandardBytes: 8192},
		"INTELLIGENT_TIERING": {Mixed: true},
	} {
		if got := objectstore.ClassOf(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	for _, tt := range []struct {
		from, tier string
		want       time.Duration
	}{
		{"GLACIER", objectstore.Expedited, 5 * time.Minute}, {"GLACIER", objectstore.Standard, 5 * time.Hour},
		{"GLACIER", objectstore.Bulk, 12 * time.Hour}, {"DEEP_ARCHIVE", objectstore.Expedited, 0},
		{"DEEP_ARCHIVE", objectstore.Standard, 12 * time.Hour}, {"DEEP_ARCHIVE", objectstore.Bulk, 48 * time.Hour},
		{"DEEP_ARCHIVE_ACCESS", objectstore.Bulk, 48 * time.Hour}, {"ARCHIVE_ACCESS", objectstore.Standard, 5 * time.Hour},
	} {
		if got := objectstore.RestoreTime(tt.from, tt.tier); got != tt.want {
			t.Errorf("%s by %s: %s, want %s", tt.from, tt.tier, got, tt.want)
		}
	}
}

type named objectstore.Classes

func (n named) Classes() objectstore.Classes { return objectstore.Classes(n) }

// A class keeps its meaning, and what a service has itself keeps its name.
func TestClassFor(t *testing.T) {
	azure, google := named{"Hot", "Cool", "Cold", "Archive"}, named{"STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"}
	var amazon struct{}
	for _, tt := range []struct {
		to       any
		in, want string
	}{
		{amazon, "", ""}, {amazon, "ONEZONE_IA", "ONEZONE_IA"}, {amazon, "DEEP_ARCHIVE", "DEEP_ARCHIVE"},
		{amazon, "Hot", "STANDARD"}, {amazon, "Cool", "STANDARD_IA"}, {amazon, "Archive", "GLACIER"},
		{amazon, "NEARLINE", "STANDARD_IA"}, {amazon, "ARCHIVE", "GLACIER_IR"}, {amazon, "SNOW", "SNOW"},
		{azure, "", ""}, {azure, "STANDARD", ""}, {azure, "Hot", "Hot"}, {azure, "ONEZONE_IA", "Cool"}, {azure, "Cold", "Cold"},
		{azure, "DEEP_ARCHIVE", "Archive"}, {azure, "ARCHIVE", "Archive"}, {azure, "COLDLINE", "Cold"},
		{google, "STANDARD", "STANDARD"}, {google, "Hot", "STANDARD"}, {google, "GLACIER", "ARCHIVE"},
		{google, "Archive", "ARCHIVE"}, {google, "COLDLINE", "COLDLINE"}, {google, "", ""},
	} {
		if got := objectstore.ClassFor(tt.to, tt.in); got != tt.want {
			t.Errorf("%q at %v: %q, want %q", tt.in, tt.to, got, tt.want)
		}
	}
}

// The question is asked of every entry of a listing: it makes nothing.
func TestClassForAllocatesNothing(t *testing.T) {
	for _, class := range []string{"", "STANDARD", "STANDARD_IA", "NEARLINE", "Cool"} {
		for _, destination := range []any{nil, others{}} {
			if n := testing.AllocsPerRun(100, func() { _ = objectstore.ClassFor(destination, class) }); n != 0 {
				t.Errorf("%T, %q: %v allocations", destination, class, n)
			}
		}
	}
}

// others has other names than Amazon S3.
type others struct{}

func (others) Classes() objectstore.Classes {
	return objectstore.Classes{"Hot", "Cool", "Cold", "Archive"}
}
