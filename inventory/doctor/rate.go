package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// StreamRate names the check of how fast one object is written and read.
const StreamRate = "rate of one object"

// Rate is how fast bytes of one object went to a bucket and came back. A run moves many at
// once: it is no estimate of how long one takes.
type Rate struct {
	Bytes int64 `json:"bytes"`             // of the object
	Up    int64 `json:"up_bytes_second"`   // per second, with the request and its answer
	Down  int64 `json:"down_bytes_second"` // the same
}

const (
	rateFirst   = 256 << 10       // bytes of a first try, which tells how large the probe may be
	rateMost    = 4 << 20         // bytes of the probe
	ratePerTry  = time.Second     // that the probe is made for, each way
	rateLongest = 3 * time.Second // of all together
)

// rate measures by a probe under a key that nobody has, and removes it. Where a bucket may
// keep what is written, as under object lock, nothing is.
func (d *Doctor) rate(ctx context.Context, place, bucket string, store Store) {
	lock, err := store.Setting(ctx, bucket, objectstore.ObjectLock)
	if err != nil && !errors.Is(err, objectstore.ErrNotOffered) || err == nil && lock != nil {
		d.note(place, StreamRate, NotKnown, "not measured: what is written there may be locked, and then stays")
		return
	}
	key := name()
	r, err := d.measure(ctx, bucket, key, store)
	if err != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		d.note(place, StreamRate, NotKnown, fmt.Sprintf("not measured: it took more than %s", rateLongest))
	} else if err != nil {
		d.note(place, StreamRate, NotKnown, "not measured: "+err.Error())
	} else {
		d.Checks = append(d.Checks, Check{Place: place, What: StreamRate, Outcome: OK, Rate: &r, Detail: fmt.Sprintf(
			"%d bytes: %s up, %s down; many at once are faster", r.Bytes, perSecond(r.Up), perSecond(r.Down))})
	}
	if err := cleanUp(context.WithoutCancel(ctx), bucket, key, store); err != nil {
		d.note(place, "remove probes", Failed, fmt.Sprintf("%s: %v", key, err))
	}
}

// measure writes and reads twice: a little, and then as much as a second lets pass.
func (d *Doctor) measure(ctx context.Context, bucket, key string, store Store) (r Rate, err error) {
	ctx, stop := context.WithTimeout(ctx, rateLongest)
	defer stop()
	data := make([]byte, rateMost)
	_, _ = rand.Read(data) // never fails; what is on the way must not be able to compress it
	r, err = d.there(ctx, bucket, key, data[:rateFirst], store)
	if err != nil {
		return r, err
	}
	size := int64(float64(min(r.Up, r.Down)) * ratePerTry.Seconds())
	if size <= rateFirst {
		return r, nil
	}
	return d.there(ctx, bucket, key, data[:min(size, rateMost)], store)
}

// there writes bytes and reads them again.
func (d *Doctor) there(ctx context.Context, bucket, key string, data []byte, store Store) (r Rate, err error) {
	r.Bytes = int64(len(data))
	begun := d.Now()
	written, err := store.Put(ctx, objectstore.NewObject{Bucket: bucket, Key: key},
		objectstore.Body{Reader: bytes.NewReader(data), Size: r.Bytes})
	if err != nil {
		return r, err
	}
	r.Up = rateOf(r.Bytes, d.Now().Sub(begun))
	ref := objectstore.Ref{Bucket: bucket, Key: key, VersionID: written.VersionID}
	if ref.VersionID == objectstore.NullVersion {
		ref.VersionID = ""
	}
	begun = d.Now()
	object, err := store.Open(ctx, ref, 0)
	if err != nil {
		return r, err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(object.Body, r.Bytes+1))
	if err = errors.Join(err, object.Body.Close()); err != nil {
		return r, err
	}
	if n != r.Bytes {
		return r, fmt.Errorf("read %d bytes of %d", n, r.Bytes)
	}
	r.Down = rateOf(r.Bytes, d.Now().Sub(begun))
	return r, nil
}

// rateOf is in bytes per second. What takes no time that a clock shows took a microsecond.
func rateOf(n int64, took time.Duration) int64 {
	return int64(float64(n) / max(took, time.Microsecond).Seconds())
}

// perSecond writes a rate in MB, or kB where that is less than one.
func perSecond(n int64) string {
	if n < 1e6 {
		return fmt.Sprintf("%.0f kB/s", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB/s", float64(n)/1e6)
}
