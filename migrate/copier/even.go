package copier

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/verifier"
)

// What is read in one go: objects of up to so many bytes, from a source that
// gives the first part at so many bytes per second or more. Otherwise parts are
// read beside each other, which gains more than the requests cost.
const (
	readAtOnce = 1 << 30
	slowRead   = 64 << 20
)

// timed measures how long reading takes. It is read by one at a time.
type timed struct {
	io.Reader
	now  func() time.Time
	took time.Duration
}

func (t *timed) Read(p []byte) (int, error) {
	begun := t.now()
	n, err := t.Reader.Read(p)
	t.took += t.now().Sub(begun)
	return n, err
}

// errUneven reports an object that is to be read part by part.
var errUneven = errors.New("its parts are not all of one size, or their sizes cannot be read")

// streamEven copies an object whose parts are of one size, but for the last, in
// one read where that is fast. That they are is what their number and the first
// one's size suggest; before the upload is completed the parts' MD5s must make
// the source's.
func (s *streamer) streamEven(
	ctx context.Context, e manifest.Entry, guard objectstore.Guard,
) (verifier.Evidence, error) {
	first, err := s.source.Stat(ctx, e.Ref(s.from, s.Versioning), 1)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	size, n := first.Length, int64(first.PartCount)
	if n > 0 && (size*(n-1) > e.Size || size*n < e.Size || !s.Budget.Fits(size) || first.CustomerKey != "" ||
		!first.Sum.Comparable(e.Sum(), true)) {
		return verifier.Evidence{}, errUneven
	}
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	o, err := s.source.Open(reading, e.Ref(s.from, s.Versioning), 0)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	defer o.Body.Close()
	if n == 0 {
		return s.streamUnparted(ctx, e, o, guard)
	}
	o.PartCount = first.PartCount
	whole, body := newOrdered(nil), &timed{Reader: o.Body, now: s.Now} // the destination takes any algorithm
	var slow bool
	decided := make(chan struct{}) // closed when slow is set
	evidence, err := s.uploads.inParts(ctx, e, o.Info, guard, func(
		ctx context.Context, u *upload, number int,
	) (objectstore.Part, error) {
		if number > 1 {
			select {
			case <-decided:
			case <-ctx.Done():
				return objectstore.Part{}, ctx.Err()
			}
			if slow {
				return s.onePart(ctx, e, u, number, whole)
			}
		}
		defer context.AfterFunc(ctx, stopReading)() // when another part has failed
		at := size * int64(number-1)
		buf, release, err := whole.next(ctx, number, s.Budget, min(size, e.Size-at), body)
		if err != nil {
			return objectstore.Part{}, err
		}
		defer release()
		if number == 1 {
			if slow = n > 1 && float64(size) < slowRead*body.took.Seconds(); slow {
				stopReading()
			}
			close(decided)
		}
		return s.sendPart(ctx, buf, u, number)
	}, func(parts []objectstore.Part) error {
		if sumOfParts(parts) != e.Sum().Value {
			s.uneven.Store(true)
			s.Copied(-e.Size) // they are sent again, as they are cut
			return errUneven
		}
		return nil
	})
	return hashed(evidence, whole), err
}

// sumOfParts is the MD5 of the MD5s of parts, as their ETags tell them; empty for others.
func sumOfParts(parts []objectstore.Part) string {
	all := make([]byte, 0, len(parts)*md5.Size)
	for _, p := range parts {
		sum, err := hex.DecodeString(p.ETag)
		if err != nil || len(sum) != md5.Size {
			return ""
		}
		all = append(all, sum...)
	}
	return fmt.Sprintf("%x-%d", md5.Sum(all), len(parts))
}
