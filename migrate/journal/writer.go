package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// When lines are made durable, and what is held of them at most.
const (
	Interval  = time.Second // after the first of them was added
	MostData  = 64 << 20    // bytes of objects that they are about: at once
	mostLines = 4096        // whoever adds more waits
	textSize  = 32 << 10    // bytes that are held as they are
	partSize  = 32 << 10    // bytes; a larger part is not written again
	removed   = 32          // parts that do not matter any more, at once
)

// Options says where a journal is written.
type Options struct {
	Home  Home
	Dir   string // of the parts, with the slash behind it
	Run   string // names this run's parts: no other has it, and later ones sort behind it
	Of    string // the digest of the plan
	Codec *state.Codec
	// After returns a channel that receives once, after the duration.
	After func(time.Duration) <-chan time.Time
	// Before is called before verdicts become durable, with the numbers of the segments
	// that they are about; an error keeps them from it. nil: nothing is called.
	Before func(ctx context.Context, segments []int) error
	// Note is told, in words, if parts that do not matter any more stay.
	Note func(format string, args ...any)
}

// Writer writes one run's journal. Its methods may be called concurrently. It
// has one goroutine, which Close ends.
type Writer struct {
	Options
	ctx        context.Context
	wake       chan struct{} // has room for one
	stop, done chan struct{}

	mu       sync.Mutex
	line     Line // what is added at the moment, so that adding allocates nothing
	receipt  receipt.Receipt
	text     []byte // room for a batch's
	batches  int
	filling  *batch
	flushing *batch // nil: none is under way
	parts    []*part
	err      error // of the first flush that failed

	// Of the goroutine, and of Close after it.
	number  int
	current *part // nil: the next flush begins one
	body    []byte
	lines   int
}

// batch is lines that become durable together.
type batch struct {
	text    []byte   // lines
	packed  [][]byte // lines before them
	n       int
	bytes   int64 // of the objects
	about   map[any]bool
	due     <-chan time.Time
	hurried bool
	done    chan struct{} // closed when they are durable, or err says why not
	err     error
}

// part is one that was written, with what in it still matters: segments by
// number, uploads by Name.
type part struct {
	name  string
	about map[any]bool
}

// NewWriter begins a journal. Under the context, and not beyond it, lines are
// made durable.
func NewWriter(ctx context.Context, o Options) *Writer {
	w := &Writer{Options: o, ctx: ctx, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go w.keep()
	return w
}

// Verdict adds what is known of an entry: durable within a second, or sooner if
// it is about much data.
func (w *Writer) Verdict(ctx context.Context, segment, entry int, basis string, r *receipt.Receipt) error {
	_, err := w.add(ctx, segment, r.Size, func() *Line {
		w.receipt = *r
		w.line = Line{Segment: segment, Entry: entry, Basis: basis, Receipt: &w.receipt}
		return &w.line
	})
	return err
}

// Begun adds an upload that was begun. With wait it returns when that is
// durable.
func (w *Writer) Begun(ctx context.Context, basis string, u Upload, wait bool) error {
	b, err := w.add(ctx, u.Name(), 0, func() *Line { return &Line{Basis: basis, Upload: &u} })
	if err != nil || !wait {
		return err
	}
	w.hurry(b)
	return w.wait(ctx, b)
}

// wait returns when a batch is durable.
func (w *Writer) wait(ctx context.Context, b *batch) error {
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-w.done:
		return w.failed(errors.New("the journal is closed"))
	}
}

func (w *Writer) failed(otherwise error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	return otherwise
}

// add adds one line. There is room, or it waits.
func (w *Writer) add(ctx context.Context, about any, bytes int64, line func() *Line) (*batch, error) {
	for {
		b, full, err := w.tryAdd(about, bytes, line)
		if err != nil {
			return nil, err
		}
		if !full {
			return b, nil
		}
		w.hurry(b)
		if err := w.wait(ctx, b); err != nil {
			return nil, err
		}
	}
}

func (w *Writer) tryAdd(about any, bytes int64, line func() *Line) (b *batch, full bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, false, w.err
	}
	if b = w.filling; b == nil {
		b = &batch{text: w.text[:0], about: make(map[any]bool), due: w.After(w.pause()), done: make(chan struct{})}
		w.filling, w.text, w.batches = b, nil, w.batches+1
		w.look()
	}
	if b.n >= mostLines {
		return b, true, nil
	}
	if b.text, err = state.AppendLine(b.text, line()); err == nil && len(b.text) >= textSize {
		err = b.pack(w.Codec)
	}
	if err != nil {
		return nil, false, err
	}
	b.n++
	b.about[about] = true
	if b.bytes += bytes; b.bytes >= MostData {
		w.hurried(b)
	}
	return b, false, nil
}

// pause is how long a batch is filled: the first ones not for a whole second, so
// that runs come forward that are killed sooner, again and again.
func (w *Writer) pause() time.Duration {
	switch w.batches {
	case 0:
		return Interval / 10
	case 1:
		return Interval * 3 / 10
	case 2:
		return Interval * 6 / 10
	}
	return Interval
}

// pack compresses the lines that are not.
func (b *batch) pack(c *state.Codec) error {
	packed, err := state.Pack(c, b.text)
	b.packed, b.text = append(b.packed, packed), b.text[:0]
	return err
}

// hurry makes a batch that is being filled due at once.
func (w *Writer) hurry(b *batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hurried(b)
}

func (w *Writer) hurried(b *batch) {
	if w.filling == b && !b.hurried {
		b.hurried, b.due = true, w.After(0)
		w.look()
	}
}

// look has the goroutine look when what is being filled is due.
func (w *Writer) look() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Settled tells that what the journal says of a segment is void: it has its file
// of receipts.
func (w *Writer) Settled(segment int) { w.drop(segment) }

// Ended tells that an upload is no longer under way.
func (w *Writer) Ended(n Name) { w.drop(n) }

func (w *Writer) drop(about any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range []*batch{w.filling, w.flushing} {
		if b != nil {
			delete(b.about, about)
		}
	}
	for _, p := range w.parts {
		delete(p.about, about)
	}
}

// keep makes lines durable until the journal is closed or its context ends.
func (w *Writer) keep() {
	defer close(w.done)
	var due <-chan time.Time
	for {
		select {
		case <-w.wake:
			due = w.due()
		case <-due:
			if w.ctx.Err() != nil {
				return // Close flushes, if it may
			}
			due = nil
			w.flush(w.ctx)
		case <-w.stop:
			return
		case <-w.ctx.Done():
			return
		}
	}
}

func (w *Writer) due() <-chan time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.filling == nil {
		return nil
	}
	return w.filling.due
}

// flush makes durable what was added, and removes what does not matter any more.
func (w *Writer) flush(ctx context.Context) {
	w.mu.Lock()
	b := w.filling
	w.filling, w.flushing = nil, b
	void := b == nil || len(b.about) == 0
	if c := w.current; c != nil && (len(c.about) == 0 || len(w.body) >= partSize) {
		if len(c.about) > 0 {
			w.current = nil
		}
		w.body, w.lines = nil, 0
	}
	w.mu.Unlock()
	if b == nil {
		return
	}
	var err error
	if !void {
		if err = w.before(ctx, b); err == nil {
			err = w.write(ctx, b)
		}
	}
	w.mu.Lock()
	if b.err = err; !void && err == nil {
		for about := range b.about {
			w.current.about[about] = true
		}
	}
	w.flushing = nil
	w.text = b.text
	if w.err == nil {
		w.err = err
	}
	w.mu.Unlock()
	close(b.done)
	w.tidy(ctx, removed)
}

func (w *Writer) before(ctx context.Context, b *batch) error {
	if w.Before == nil {
		return nil
	}
	w.mu.Lock()
	var segments []int
	for about := range b.about {
		if number, ok := about.(int); ok {
			segments = append(segments, number)
		}
	}
	w.mu.Unlock()
	slices.Sort(segments)
	return w.Before(ctx, segments)
}

// write puts the lines into the part at hand.
func (w *Writer) write(ctx context.Context, b *batch) error {
	if err := b.pack(w.Codec); err != nil {
		return err
	}
	for _, packed := range b.packed {
		w.body = append(w.body, packed...)
	}
	w.lines += b.n
	data, err := state.Bind(w.Codec, state.Header{Schema: Schema, Of: w.Of, Entries: w.lines}, w.body)
	if err != nil {
		return err
	}
	if w.current == nil {
		w.number++
		w.current = &part{name: fmt.Sprintf("%s%s-%06d.ndjson.zst", w.Dir, w.Run, w.number), about: make(map[any]bool)}
		w.mu.Lock()
		w.parts = append(w.parts, w.current)
		w.mu.Unlock()
	}
	return w.Home.Put(ctx, w.current.name, data)
}

// tidy removes the parts that do not matter any more, if there are so many.
func (w *Writer) tidy(ctx context.Context, least int) {
	w.mu.Lock()
	var void []string
	var rest []*part
	for _, p := range w.parts {
		if len(p.about) == 0 && p != w.current {
			void = append(void, p.name)
		} else {
			rest = append(rest, p)
		}
	}
	if len(void) < least {
		w.mu.Unlock()
		return
	}
	w.parts = rest
	w.mu.Unlock()
	if err := w.Home.Remove(ctx, void...); err != nil && ctx.Err() == nil {
		w.Note("%d obsolete parts of the journal stay in the state: %v", len(void), err)
	}
}

// Close ends the journal. What still matters is made durable under the context
// given, which may outlive the run's; parts that do not matter are removed.
func (w *Writer) Close(ctx context.Context) error {
	close(w.stop)
	<-w.done
	w.mu.Lock()
	matters := w.filling != nil && len(w.filling.about) > 0 && w.err == nil
	w.mu.Unlock()
	if matters {
		w.flush(ctx)
	}
	w.current = nil
	w.tidy(ctx, 1)
	return w.failed(nil)
}
