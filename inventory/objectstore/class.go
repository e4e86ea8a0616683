package objectstore

import (
	"cmp"
	"slices"
	"time"
)

// Class is what a storage class means to whoever reads its versions and deletes them. The
// zero value is that of a class of which nothing is known, and of the default one.
type Class struct {
	// Archived classes cannot be read without a restore (Amazon S3 User Guide,
	// "Understanding and managing storage classes").
	Archived bool
	// Mixed classes have some versions that have to be restored, and a listing does not
	// tell which.
	Mixed bool
	// MinimumDays is for how long a version is charged at least (Amazon S3 User Guide,
	// "Understanding and managing Amazon S3 storage classes", minimum storage duration).
	MinimumDays int
	// MinimumBytes is the size that a smaller version is charged as (the same table, minimum
	// billable object size).
	MinimumBytes int64
	// OverheadBytes are charged besides for each version, at its class's price, and
	// StandardBytes at that of STANDARD (Amazon S3 User Guide, "Understanding S3 Glacier
	// storage classes for long-term data storage").
	OverheadBytes, StandardBytes int64
	// Retrieved tells that reading a version is charged by its bytes, without a restore.
	Retrieved bool
}

const (
	glacier     = "GLACIER"
	deepArchive = "DEEP_ARCHIVE"
	deepTier    = "DEEP_ARCHIVE_ACCESS" // of INTELLIGENT_TIERING; the other one is ARCHIVE_ACCESS

	smallest = 128 << 10
)

// ClassOf is what the class of that name means.
func ClassOf(name string) Class {
	switch name {
	case "STANDARD_IA", "ONEZONE_IA":
		return Class{MinimumDays: 30, MinimumBytes: smallest, Retrieved: true}
	case "GLACIER_IR":
		return Class{MinimumDays: 90, MinimumBytes: smallest, Retrieved: true}
	case glacier:
		return Class{Archived: true, MinimumDays: 90, OverheadBytes: 32 << 10, StandardBytes: 8 << 10}
	case deepArchive:
		return Class{Archived: true, MinimumDays: 180, OverheadBytes: 32 << 10, StandardBytes: 8 << 10}
	case "INTELLIGENT_TIERING":
		return Class{Mixed: true}
	// Azure Storage documentation, "Access tiers for blob data".
	case azureCool:
		return Class{MinimumDays: 30, Retrieved: true}
	case azureCold:
		return Class{MinimumDays: 90, Retrieved: true}
	case azureArchive:
		return Class{Archived: true, MinimumDays: 180}
	// Cloud Storage documentation, "Storage classes": all can be read at once.
	case "NEARLINE":
		return Class{MinimumDays: 30, Retrieved: true}
	case "COLDLINE":
		return Class{MinimumDays: 90, Retrieved: true}
	case "ARCHIVE":
		return Class{MinimumDays: 365, Retrieved: true}
	}
	return Class{}
}

const (
	azureCool    = "Cool"
	azureCold    = "Cold"
	azureArchive = "Archive"
)

// Classes are a service's names of what others call otherwise: for what is read daily, about
// once a month, once a quarter, and once a year or less.
type Classes [4]string

// Classed is a store whose service has other names than Amazon S3.
type Classed interface{ Classes() Classes }

// ClassFor is what a destination calls a storage class of another service. One that it has
// itself keeps its name, as one does that nobody knows.
func ClassFor(destination any, class string) string {
	own := Classes{"STANDARD", "STANDARD_IA", "GLACIER_IR", glacier}
	c, classed := destination.(Classed)
	if classed {
		own = c.Classes()
	}
	use, known := useOf(class, classed)
	if ClassName(class) == ClassName("") && own[0] != class {
		return "" // the destination's default
	}
	if !known || slices.Contains(own[:], class) {
		return class
	}
	return own[use]
}

// useOf is what a class is for, as a place in Classes. S3's own are those of others only to a
// service with other names. It is asked of every entry of a listing.
func useOf(class string, others bool) (use int, known bool) {
	switch class {
	case "Hot":
		return 0, true
	case azureCool, "NEARLINE":
		return 1, true
	case azureCold, "COLDLINE":
		return 2, true
	case azureArchive:
		return 3, true
	case "ARCHIVE":
		if others {
			return 3, true
		}
		return 2, true // it can be read at once, which of S3's cold ones only this can
	}
	if !others {
		return 0, false
	}
	switch class {
	case "STANDARD", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY":
		return 0, true
	case "STANDARD_IA", "ONEZONE_IA":
		return 1, true
	case "GLACIER_IR":
		return 2, true
	case glacier, deepArchive:
		return 3, true
	}
	return 0, false
}

// ClassName is a storage class as it is to be compared: services leave the default one
// unsaid.
func ClassName(said string) string { return cmp.Or(said, "STANDARD") }

// RestoreTime is the longest that a restore usually takes out of a storage class or
// archive access tier (Amazon S3 User Guide, "Understanding archive retrieval options");
// 0 where there is no such tier of restores.
func RestoreTime(from, tier string) time.Duration {
	deep := from == deepArchive || from == deepTier
	switch tier {
	case Expedited:
		if deep {
			return 0
		}
		return 5 * time.Minute
	case Bulk:
		if deep {
			return 48 * time.Hour
		}
	case Standard:
		if !deep {
			return 5 * time.Hour
		}
	}
	return 12 * time.Hour
}
