package render

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

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

// Reporter writes progress to a log: a bar on a terminal, lines elsewhere. It is safe
// for concurrent use.
type Reporter struct {
	log      *Log
	terminal func() int // its width in columns; 0: there is no terminal
	quiet    bool
	limit    string // what bounds the pace, in words

	mu    sync.Mutex
	bar   *progressbar.ProgressBar // of the phase; nil before it is drawn
	began time.Time                // of the phase; zero: none is under way
	shown time.Time                // of the last line
}

// NewReporter reports to a log. Quiet reports nothing to its screen. Limit is what
// bounds the pace, such as "10.0 MiB/s", and may be empty.
func NewReporter(log *Log, quiet bool, limit string) *Reporter {
	return &Reporter{log: log, quiet: quiet, limit: limit, terminal: func() int { return log.Columns() }}
}

// Note reports something that happened.
func (r *Reporter) Note(text string) { r.log.Say(Event{Text: text, Quiet: r.quiet}) }

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
	text := s.Phase + ": " + total(s)
	if r.limit != "" && s.BytesTotal > 0 {
		text += ", no faster than " + r.limit + " read and written"
	}
	r.log.Say(Event{Text: text, Quiet: r.quiet || r.terminal() > 0, Attrs: fields(s, "began", 0)})
}

// How a phase ends.
const (
	Done        = "done"
	Interrupted = "interrupted" // by a signal
	Stopped     = "stopped"     // by an error
)

// Ended reports what a phase came to, and how it ended.
func (r *Reporter) Ended(s Snapshot, how string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	elapsed := time.Since(r.began)
	r.began = time.Time{} // a tick behind it draws nothing, for nobody would take it away
	r.log.Say(Event{Text: fmt.Sprintf("%s: %s, %s in %s", s.Phase, how, amount(s, how), Duration(elapsed)), Quiet: r.quiet,
		Attrs: fields(s, how, elapsed)})
}

// fields are a snapshot for programs. Totals that are not known are left out.
func fields(s Snapshot, state string, elapsed time.Duration) []slog.Attr {
	list := []slog.Attr{slog.String("phase", s.Phase), slog.String("state", state), slog.Int64("entries", s.Entries)}
	if s.EntriesTotal > 0 {
		list = append(list, slog.Int64("entries_total", s.EntriesTotal))
	}
	if s.BytesTotal > 0 {
		list = append(list, slog.Int64("bytes", s.Bytes), slog.Int64("bytes_total", s.BytesTotal))
	}
	return append(list, slog.Int64("failures", s.Failures), slog.Int64("retries", s.Retries),
		slog.Float64("seconds", elapsed.Seconds()))
}

// Watch reports how a piece of work goes until the returned stop is called,
// which waits for the last report.
func (r *Reporter) Watch(ctx context.Context, snapshot func() Snapshot) (stop func()) {
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
	if s.Phase == "" || r.began.IsZero() {
		return
	}
	elapsed := now.Sub(r.began)
	columns := r.terminal()
	if columns > 0 && !r.quiet {
		r.draw(s, elapsed, columns)
	}
	if now.Sub(r.shown) >= lineEvery {
		r.shown = now
		r.log.Say(Event{Text: s.Phase + ": " + strings.Join(describe(s, elapsed), ", "),
			Quiet: r.quiet || columns > 0, Attrs: fields(s, "under way", elapsed)})
	}
}

// barWidth is what a bar takes beside its description: "  34% |", 20 cells, "|  " and a space.
const barWidth = 31

// draw shows one line that fits: with a bar where it is known how much there is to do,
// and room.
func (r *Reporter) draw(s Snapshot, elapsed time.Duration, columns int) {
	room := columns - 1 // the last column would wrap on some terminals
	parts := describe(s, elapsed)
	barred := s.EntriesTotal > 0 && room >= barWidth+utf8.RuneCountInString(s.Phase+" "+parts[0])
	if barred {
		room -= barWidth
	}
	text := fit(s.Phase, parts, room)
	if !barred {
		r.log.Draw(func(w io.Writer) { fmt.Fprint(w, "\r\x1b[K"+text) })
		return
	}
	r.log.Draw(func(w io.Writer) {
		if r.bar == nil {
			r.bar = progressbar.NewOptions64(1000,
				progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(20), progressbar.OptionSetPredictTime(false),
				progressbar.OptionSetElapsedTime(false), progressbar.OptionUseANSICodes(true),
				progressbar.OptionShowDescriptionAtLineEnd())
		}
		r.bar.Describe(text)
		// A bar cannot be drawn wrong in a way that matters more than the work.
		_ = r.bar.Set64(min(int64(fraction(s)*1000), 999))
	})
}

// fit is a phase with as many of its parts, in their order, as there is room for.
func fit(phase string, parts []string, room int) string {
	text := phase
	for i, part := range parts {
		glue := ", "
		if i == 0 {
			glue = " "
		}
		if utf8.RuneCountInString(text+glue+part) > room {
			break
		}
		text += glue + part
	}
	if runes := []rune(text); len(runes) > room {
		text = string(runes[:max(room, 0)])
	}
	return text
}

// IsTerminal tells whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Columns is how wide a terminal is, 0 if a stream is none or does not say.
func Columns(stream any) int {
	f, ok := stream.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
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

// amount is how much was done: of what, where that is not all.
func amount(s Snapshot, how string) string {
	of := func(total string, known bool) string {
		if how == Done || !known {
			return ""
		}
		return " of " + total
	}
	text := Count(s.Entries) + of(Count(s.EntriesTotal), s.EntriesTotal > 0) + " entries"
	if s.BytesTotal > 0 {
		text += ", " + Bytes(s.Bytes) + of(Bytes(s.BytesTotal), true)
	}
	if s.Failures > 0 {
		text += ", " + Count(s.Failures) + " failed"
	}
	return text
}

// describe says how far it is, in parts of which the first matter most.
func describe(s Snapshot, elapsed time.Duration) []string {
	text := Count(s.Entries)
	if s.EntriesTotal > 0 {
		text += "/" + Count(s.EntriesTotal)
	}
	parts := []string{text + " entries"}
	if s.Failures > 0 {
		parts = append(parts, Count(s.Failures)+" failed")
	}
	if s.BytesTotal > 0 {
		parts = append(parts, Bytes(s.Bytes)+" of "+Bytes(s.BytesTotal), Rate(s.Bytes, elapsed))
	}
	// The first entries of a phase say little of the rest: an erase pauses behind them, to look.
	if f := fraction(s); f > 0.05 && elapsed > time.Second {
		parts = append(parts, Duration(time.Duration(float64(elapsed)*(1-f)/f))+" left")
	}
	if s.Failures == 0 {
		parts = append(parts, "0 failed")
	}
	if s.Retries > 0 {
		parts = append(parts, Count(s.Retries)+" retries")
	}
	return parts
}
