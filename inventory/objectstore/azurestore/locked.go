package azurestore

import (
	"context"
	"errors"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

var errKept = errors.New("a policy or a legal hold keeps the version")

// unlocked looks at a version that is to be deleted in two steps, where it may be locked or its ETag
// is not known, and returns the ETag. Of a locked version the first step would be done and the
// second refused ("Immutable storage for version-level scope"), after which the key looks deleted:
// that is ErrLocked before either. Who locks it between the look and the first step is not seen.
func (s *Store) unlocked(ctx context.Context, bucket string, d objectstore.Deletion, etag string) (string, error) {
	may, err := s.mayLock(ctx, bucket)
	if err != nil || etag != "" && !may {
		return etag, err
	}
	info, err := s.Stat(ctx, objectstore.Ref{Bucket: bucket, Key: d.Key, VersionID: d.VersionID}, 0)
	switch {
	case err != nil:
		return "", err
	case holds(&info, s.send.now()):
		return "", &objectstore.Error{Op: deleteBlob, Bucket: s.where(bucket), Kind: objectstore.ErrLocked, Err: errKept}
	case etag == "":
		etag = info.ETag
	}
	return etag, nil
}

// holds tells whether a version is locked, by the clock of the service where that is told.
func holds(info *objectstore.Info, now time.Time) bool {
	if !info.Answered.IsZero() {
		now = info.Answered
	}
	l := info.Lock
	return l.Hold || l.Mode != "" && (l.Until.IsZero() || l.Until.After(now))
}

// mayLock tells whether single versions in a container can be locked. Only that the container says
// no is one ("Get Container Properties", x-ms-immutable-storage-with-versioning-enabled): they may
// be where that is missing, and where it may not be read. It is remembered for a minute.
func (s *Store) mayLock(ctx context.Context, bucket string) (bool, error) {
	a, container, err := s.bucket(ctx, deleteBlob, bucket)
	if err != nil {
		return false, err
	}
	return a.locking.get(container).get(ctx, s.send.now, func() (bool, time.Duration, error) {
		h, err := s.properties(ctx, bucket)
		if err != nil && !errors.Is(err, objectstore.ErrDenied) {
			return false, 0, err
		}
		return err != nil || h.Get("x-ms-immutable-storage-with-versioning-enabled") != "false", memoTime, nil
	})
}
