package doctor

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// What an endpoint can or cannot do, as checks name it.
const (
	RefusesChecksums   = "refuse a wrong checksum"
	ConditionalWrites  = "conditional writes"
	ConditionalDeletes = "conditional deletes" // without versions
	VersionsCompared   = "conditional deletes of versions"
	PartsByNumber      = "parts by number"
	EscapedKeys        = "escaped keys in listings"
	ObjectLock         = "object lock"
	TagCounts          = "tags counted in answers"
)

func capabilities() []string {
	return []string{RefusesChecksums, ConditionalWrites, ConditionalDeletes, VersionsCompared, PartsByNumber,
		EscapedKeys,
		ObjectLock, TagCounts}
}

// ConditionalDeletesOf names what is asked of an endpoint where an entry without an ID
// is deleted from a bucket of this versioning.
func ConditionalDeletesOf(v objectstore.Versioning) string {
	if v == objectstore.Unversioned {
		return ConditionalDeletes
	}
	return VersionsCompared
}

// otherwise is what follows where an endpoint does not have a capability.
func otherwise(capability string) string {
	switch capability {
	case RefusesChecksums:
		return "copies are read back instead"
	case ConditionalWrites:
		return "a plan needs --unguarded-writes, which looks at each key right before it is written, and is weaker"
	case ConditionalDeletes:
		return "sources without versions are checked right before each deletion, which is weaker"
	case VersionsCompared:
		return "versions without an ID are checked right before each deletion, which is weaker"
	case PartsByNumber:
		return "multipart objects arrive as one part, or in other parts"
	case TagCounts:
		return "the tags of each version are read, one request more"
	case ObjectLock:
		return "retention and legal holds cannot be carried there"
	case EscapedKeys:
		return "keys with control characters cannot be listed"
	}
	return ""
}

// Sighting is what was seen of one capability.
type Sighting struct {
	Outcome Outcome   `json:"outcome"`
	At      time.Time `json:"at"`
}

// Cache keeps sightings by endpoint, then by capability.
type Cache interface {
	Recall(ctx context.Context, endpoint string) (map[string]Sighting, error)
	Remember(ctx context.Context, endpoint string, seen map[string]Sighting) error
}

// MaxAge is how long a sighting stands for a look of one's own; servers change.
const MaxAge = 24 * time.Hour

// Known shows what an earlier look found out about an endpoint, without asking
// it anything.
func (d *Doctor) Known(ctx context.Context, provider, region string, store Store) {
	if d.Cache == nil {
		return
	}
	place := at(provider, region)
	seen, err := d.Cache.Recall(ctx, store.Endpoint())
	if err != nil {
		d.note(place, "earlier findings", Failed, err.Error())
		return
	}
	for _, what := range capabilities() {
		if s, ok := seen[what]; ok {
			d.noteSeen(place, what, s)
		}
	}
}

func (d *Doctor) noteSeen(place, what string, s Sighting) {
	detail := "as seen on " + s.At.UTC().Format("2006-01-02 15:04 UTC")
	if s.Outcome == NotOffered {
		detail = otherwise(what) + "; " + detail
	}
	d.note(place, what, s.Outcome, strings.TrimPrefix(detail, "; "))
}

// endpoint examines what an endpoint can do, in a bucket where probes may be
// written, unless that is known from the last day.
func (d *Doctor) endpoint(ctx context.Context, place, bucket string, v objectstore.Versioning, store Store) error {
	probes := []func(context.Context, string, string, Store){
		func(ctx context.Context, place, bucket string, store Store) {
			d.refuses(ctx, place, bucket, store, RefusesChecksums, objectstore.ErrCorrupt, wrongly(store))
		},
		d.conditions,
		func(ctx context.Context, place, bucket string, store Store) { d.onProbe(ctx, place, bucket, v, store) },
		d.locks,
	}
	probed := []string{RefusesChecksums, ConditionalWrites, ConditionalDeletesOf(v), PartsByNumber, ObjectLock}
	if takesTags(store) {
		probed, probes = append(probed, TagCounts), append(probes, d.counts)
	} else {
		d.note(place, "tags", NotOffered, "objects there have none, and such that have some are not moved there")
	}
	var seen map[string]Sighting
	if d.Cache != nil {
		var err error
		if seen, err = d.Cache.Recall(ctx, store.Endpoint()); err != nil {
			return err
		}
	}
	fresh := func(what string) bool { s, ok := seen[what]; return ok && d.Now().Sub(s.At) < MaxAge }
	if !slices.ContainsFunc(probed, func(what string) bool { return !fresh(what) }) {
		for _, what := range probed {
			d.noteSeen(place, what, seen[what])
		}
		return nil
	}
	before := len(d.Checks)
	for _, probe := range probes {
		probe(ctx, place, bucket, store)
	}
	if d.Cache == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	found := make(map[string]Sighting)
	for _, c := range d.Checks[before:] {
		if c.Outcome == OK || c.Outcome == NotOffered {
			found[c.What] = Sighting{Outcome: c.Outcome, At: d.Now().UTC()}
		}
	}
	return d.Cache.Remember(ctx, store.Endpoint(), found)
}

// onProbe asks about an object that it writes under a key that nobody has, and
// takes away again.
func (d *Doctor) onProbe(ctx context.Context, place, bucket string, v objectstore.Versioning, store Store) {
	compares := ConditionalDeletesOf(v)
	key := name()
	o := objectstore.NewObject{Bucket: bucket, Key: key}
	written, err := store.Put(ctx, o, objectstore.Body{Reader: strings.NewReader("probe"), Size: 5})
	if err != nil {
		d.note(place, compares, Failed, err.Error())
		return
	}
	id := written.VersionID
	if id == objectstore.NullVersion {
		id = ""
	}
	if _, err := store.Stat(ctx, objectstore.Ref{Bucket: bucket, Key: key, VersionID: id}, 2); err == nil {
		d.note(place, PartsByNumber, NotOffered, otherwise(PartsByNumber))
	} else {
		d.note(place, PartsByNumber, OK, "") // it has no second part, and was said to have none
	}
	asked := unmet(ctx, bucket, key, v.Conditioned(written.VersionID), store)
	if errors.Is(asked, objectstore.ErrNotOffered) && objectstore.AbsentVersion(store) != objectstore.NullVersion {
		asked = unmet(ctx, bucket, key, objectstore.NullVersion, store) // of versions, those without an ID alone need it
	}
	d.judgeCondition(place, compares, asked, NotOffered)
	if err := cleanUp(ctx, bucket, key, store); err != nil {
		d.note(place, "remove probes", Failed, fmt.Sprintf("%s: %v", key, err))
	}
}

// conditions finds out whether writes compare, by two over a probe of its own whose
// conditions do not hold.
func (d *Doctor) conditions(ctx context.Context, place, bucket string, store Store) {
	key := name()
	put := func(g objectstore.Guard) error {
		_, err := store.Put(ctx, objectstore.NewObject{Bucket: bucket, Key: key, Guard: g},
			objectstore.Body{Reader: strings.NewReader("probe"), Size: 5})
		return err
	}
	err := put(objectstore.Guard{})
	if err != nil {
		d.note(place, ConditionalWrites, Failed, err.Error())
		return
	}
	if err = put(objectstore.Guard{Absent: true}); errors.Is(err, objectstore.ErrPrecondition) {
		err = put(objectstore.Guard{ETag: objectstore.ImpossibleETag})
	}
	d.judgeCondition(place, ConditionalWrites, err, NotOffered)
	if err := cleanUp(ctx, bucket, key, store); err != nil {
		d.note(place, "remove probes", Failed, fmt.Sprintf("%s: %v", key, err))
	}
}

// counts finds out whether answers tell that a version has tags.
func (d *Doctor) counts(ctx context.Context, place, bucket string, store Store) {
	key := name()
	info, err := counted(ctx, store, bucket, key)
	if offered := errors.Is(err, objectstore.ErrNotOffered); err == nil && info > 0 {
		d.note(place, TagCounts, OK, "")
	} else if err == nil || offered {
		d.note(place, TagCounts, NotOffered, otherwise(TagCounts))
	} else {
		d.note(place, TagCounts, Failed, err.Error())
	}
	if err := cleanUp(ctx, bucket, key, store); err != nil {
		d.note(place, "remove probes", Failed, fmt.Sprintf("%s: %v", key, err))
	}
}

// counted writes an object with a tag, which it leaves, and returns how many
// tags an answer about it tells of.
func counted(ctx context.Context, store Store, bucket, key string) (int, error) {
	tags := []objectstore.Tag{{Key: "residency", Value: objectstore.ProbeText}}
	written, err := store.Put(ctx, objectstore.NewObject{
		Bucket: bucket, Key: key, Attributes: objectstore.Attributes{Tags: tags},
	}, objectstore.Body{Reader: strings.NewReader(objectstore.ProbeText), Size: int64(len(objectstore.ProbeText))})
	if err != nil {
		return 0, err
	}
	ref := objectstore.Ref{Bucket: bucket, Key: key, VersionID: written.VersionID}
	if ref.VersionID == objectstore.NullVersion {
		ref.VersionID = ""
	}
	info, err := store.Stat(ctx, ref, 0)
	return info.TagCount, err
}

// unmet asks for a deletion whose condition cannot hold.
func unmet(ctx context.Context, bucket, key, id string, store Store) error {
	return store.DeleteIf(ctx, bucket, objectstore.Deletion{Key: key, VersionID: id, ETag: objectstore.ImpossibleETag})
}

// judgeCondition notes what became of such a deletion, and what it means if it was
// done.
func (d *Doctor) judgeCondition(place, what string, err error, done Outcome) {
	switch {
	case errors.Is(err, objectstore.ErrPrecondition), errors.Is(err, objectstore.ErrNotFound):
		d.note(place, what, OK, "")
	case errors.Is(err, objectstore.ErrNotOffered):
		d.note(place, what, NotOffered, otherwise(what))
	case err == nil && done == NotKnown:
		d.note(place, what, done, "only erasing shows")
	case err == nil:
		d.note(place, what, done, otherwise(what))
	default:
		d.note(place, what, Failed, err.Error())
	}
}

// cleanUp deletes everything under a probe's key.
func cleanUp(ctx context.Context, bucket, key string, store Store) error {
	var left []objectstore.Deletion
	for v, err := range store.Versions(ctx, bucket, key, "") {
		if err != nil {
			return err
		}
		if v.Key == key {
			left = append(left, objectstore.Deletion{Key: key, VersionID: v.VersionID})
		}
	}
	if len(left) == 0 {
		return nil
	}
	results, err := store.Delete(ctx, bucket, left)
	return errors.Join(append(results, err)...)
}

func (d *Doctor) locks(ctx context.Context, place, bucket string, store Store) {
	_, err := store.Setting(ctx, bucket, objectstore.ObjectLock)
	if errors.Is(err, objectstore.ErrNotOffered) {
		d.note(place, ObjectLock, NotOffered, otherwise(ObjectLock))
		return
	}
	d.judge(place, ObjectLock, err)
}

// wrongly is a body under a checksum that its bytes do not have, by an algorithm that the service takes.
func wrongly(store Store) objectstore.Body {
	bytes := map[string]int{"CRC32C": 4, "CRC64NVME": 8}
	if sum := objectstore.CapabilitiesOf(store).Sum; bytes[sum] > 0 {
		return objectstore.Body{Checksum: objectstore.Checksum{Algorithm: sum,
			Value: base64.StdEncoding.EncodeToString(make([]byte, bytes[sum]))}}
	}
	return objectstore.Body{SHA256: hex.EncodeToString(make([]byte, 32))}
}

// takesTags tells whether objects of a service have tags, as far as it is known without asking.
func takesTags(store Store) bool {
	checker, ok := store.(objectstore.ObjectChecker)
	o := objectstore.NewObject{}
	o.Tags = []objectstore.Tag{{Key: "residency", Value: objectstore.ProbeText}}
	return !ok || checker.CheckObject(o) == nil
}
