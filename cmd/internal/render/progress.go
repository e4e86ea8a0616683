package render

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Snapshot is how far a piece of work is.
type Snapshot struct {
	Phase        string
	Entries      int64
	EntriesTotal int64 // 0: not known
	Bytes        int64
	BytesTotal   int64 // 0: the phase moves none
	Failures     int64
	Retries      int64
}

// Reporter writes progress and diagnostics: a bar on a terminal, lines
// elsewhere, JSON lines if asked for. It is safe for concurrent use.
type Reporter struct {
	w        io.Writer
	terminal bool
	quiet    bool
	log      *slog.Logger // for JSON; nil otherwise

	mu    sync.Mutex
	bar   *progressbar.ProgressBar // of the phase; nil before it is drawn
	line  bool                     // a bar is on the screen
	began time.Time                // of the phase
	shown time.Time                // of the last line
}

// NewReporter reports to w. Quiet reports nothing.
func NewReporter(w io.Writer, json, quiet bool) *Reporter {
	r := &Reporter{w: w, quiet: quiet}
	if json {
		r.log = slog.New(slog.NewJSONHandler(w, nil))
		return r
	}
	r.terminal = IsTerminal(w)
	return r
}

// IsTerminal tells whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Note reports something that happened.
func (r *Reporter) Note(text string) {
	if r.quiet {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.print(text)
}

func (r *Reporter) print(text string) {
	if r.log != nil {
		r.log.Info(text)
		return
	}
	if r.line {
		fmt.Fprint(r.w, "\r\x1b[K")
		r.line = false
	}
	fmt.Fprintln(r.w, Text(text))
}

// How often progress is shown.
const (
	lineEvery = 10 * time.Second
	barEvery  = 200 * time.Millisecond
)

// Began reports that a phase begins.
func (r *Reporter) Began(s Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began, r.shown, r.bar = time.Now(), time.Now(), nil
	if !r.quiet && !r.terminal {
		r.print(s.Phase + ": " + total(s))
	}
}

// Ended reports what a phase came to.
func (r *Reporter) Ended(s Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.quiet {
		r.print(fmt.Sprintf("%s: done, %s in %s", s.Phase, amount(s), Duration(time.Since(r.began))))
	}
}

// Watch reports how a piece of work goes until the returned stop is called,
// which waits for the last report.
func (r *Reporter) Watch(ctx context.Context, snapshot func() Snapshot) (stop func()) {
	if r.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		every := time.NewTicker(barEvery)
		defer every.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-every.C:
				r.show(snapshot(), now)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func (r *Reporter) show(s Snapshot, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case s.Phase == "":
	case r.terminal:
		r.draw(s, now)
	case now.Sub(r.shown) >= lineEvery:
		r.shown = now
		r.print(s.Phase + ": " + describe(s, now.Sub(r.began)))
	}
}

func (r *Reporter) draw(s Snapshot, now time.Time) {
	if r.bar == nil {
		r.bar = progressbar.NewOptions64(1000,
			progressbar.OptionSetWriter(r.w), progressbar.OptionSetWidth(20), progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionUseANSICodes(true),
			progressbar.OptionShowDescriptionAtLineEnd())
	}
	r.bar.Describe(s.Phase + " " + describe(s, now.Sub(r.began)))
	// A bar cannot be drawn wrong in a way that matters more than the work.
	_ = r.bar.Set64(min(int64(fraction(s)*1000), 999))
	r.line = true
}

// fraction is how much of the work is done: by bytes and entries alike, for
// small objects cost requests and large ones bytes.
func fraction(s Snapshot) float64 {
	const entryCost = 128 << 10 // bytes whose transfer takes as long as a request
	whole := float64(s.BytesTotal) + entryCost*float64(s.EntriesTotal)
	if whole == 0 || s.EntriesTotal == 0 {
		return 0
	}
	return min((float64(s.Bytes)+entryCost*float64(s.Entries))/whole, 1)
}

func total(s Snapshot) string {
	switch {
	case s.EntriesTotal == 0:
		return "started"
	case s.BytesTotal == 0:
		return Count(s.EntriesTotal) + " entries"
	}
	return Count(s.EntriesTotal) + " entries, " + Bytes(s.BytesTotal)
}

func amount(s Snapshot) string {
	text := Count(s.Entries) + " entries"
	if s.BytesTotal > 0 {
		text += ", " + Bytes(s.Bytes)
	}
	if s.Failures > 0 {
		text += ", " + Count(s.Failures) + " failed"
	}
	return text
}

func describe(s Snapshot, elapsed time.Duration) string {
	text := Count(s.Entries)
	if s.EntriesTotal > 0 {
		text += "/" + Count(s.EntriesTotal)
	}
	text += " entries"
	if s.BytesTotal > 0 {
		text += fmt.Sprintf(", %s of %s, %s", Bytes(s.Bytes), Bytes(s.BytesTotal), Rate(s.Bytes, elapsed))
	}
	if f := fraction(s); f > 0.01 && elapsed > time.Second {
		text += ", " + Duration(time.Duration(float64(elapsed)*(1-f)/f)) + " left"
	}
	text += ", " + Count(s.Failures) + " failed"
	if s.Retries > 0 {
		text += ", " + Count(s.Retries) + " retries"
	}
	return text
}
