package copier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync"
)

// ordered hashes an object whose parts are read at once, in the parts' order.
// Each part from 1 on is to be given its buffer, if it takes one, and added
// once. Its methods may be called concurrently.
type ordered struct {
	sha             hash.Hash
	also            *claims // nil: the destination takes any algorithm
	buffered, added turns
}

func newOrdered(also *claims) *ordered { return &ordered{sha: sha256.New(), also: also} }

// buffer gets a part's buffer when the parts before have theirs. So a part that
// holds one and waits for those before it never keeps them from theirs.
func (o *ordered) buffer(ctx context.Context, n int, b *Budget, size int64) (buf []byte, release func(), err error) {
	err = o.buffered.take(ctx, n, func() error {
		buf, release, err = b.Get(ctx, size)
		return err
	})
	return buf, release, err
}

// add hashes a part's bytes when those of the parts before are.
func (o *ordered) add(ctx context.Context, n int, data []byte) error {
	return o.added.take(ctx, n, func() error {
		_, _ = o.sha.Write(data) // a hash's Write never fails
		if o.also != nil {
			_, _ = o.also.Write(data)
			o.also.endPart()
		}
		return nil
	})
}

// atOnce is how much is read before it is hashed, in bytes: less takes more
// system calls than is gained by having it at hand.
const atOnce = 2 << 20

// next reads a part off a body that gives all of them, one after the other.
func (o *ordered) next(
	ctx context.Context, n int, b *Budget, size int64, body io.Reader,
) (buf []byte, release func(), err error) {
	if buf, release, err = o.buffer(ctx, n, b, size); err != nil {
		return nil, nil, err
	}
	err = o.added.take(ctx, n, func() error {
		for at := 0; at < len(buf); at += atOnce {
			piece := buf[at:min(at+atOnce, len(buf))]
			if _, err := io.ReadFull(body, piece); err != nil {
				return cutShort(err)
			}
			_, _ = o.sha.Write(piece) // a hash's Write never fails
		}
		return nil
	})
	if err != nil {
		release()
		return nil, nil, err
	}
	return buf, release, nil
}

// read hashes a part that holds no buffer: do writes its bytes.
func (o *ordered) read(ctx context.Context, n int, do func(io.Writer) error) error {
	if err := o.buffered.take(ctx, n, func() error { return nil }); err != nil {
		return err
	}
	return o.added.take(ctx, n, func() error {
		if o.also == nil {
			return do(o.sha)
		}
		defer o.also.endPart()
		return do(io.MultiWriter(o.sha, o.also))
	})
}

// sum is the hash in hex, once all parts are added.
func (o *ordered) sum() string { return hex.EncodeToString(o.sha.Sum(nil)) }

// turns are taken from 1 on, one after the other. A turn that fails is the last.
type turns struct {
	mu      sync.Mutex
	taken   int
	waiting map[int]chan struct{}
}

// take calls do when all turns before n are over.
func (t *turns) take(ctx context.Context, n int, do func() error) error {
	if wait := t.before(n); wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := do(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = n
	if next := t.waiting[n+1]; next != nil {
		close(next)
		delete(t.waiting, n+1)
	}
	return nil
}

// before returns what is closed when it is n's turn; nil if it is.
func (t *turns) before(n int) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken == n-1 {
		return nil
	}
	if t.waiting == nil {
		t.waiting = make(map[int]chan struct{})
	}
	wait := make(chan struct{})
	t.waiting[n] = wait
	return wait
}
