package page_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/ledongthuc/pdf"
	"golang.org/x/net/html"

	"github.com/residency/residency/cmd/internal/report/page"
	"github.com/residency/residency/inventory"
)

// tab is a browser's only tab, and what it said and asked for since its page was opened.
type tab struct {
	ctx context.Context

	mu    sync.Mutex
	noise []string
}

// browser starts one that can reach nothing, and that ends with the test.
func browser(t *testing.T) *tab {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if at, err := exec.LookPath(name); err == nil {
			program = at
			break
		}
	}
	if program == "" {
		t.Skip("there is no chromium here, nor a Chrome: how a browser shows the pages is not tried")
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(stop)
	ctx, ended := chromedp.NewExecAllocator(ctx, slices.Concat(chromedp.DefaultExecAllocatorOptions[:],
		[]chromedp.ExecAllocatorOption{
			chromedp.ExecPath(program), chromedp.DisableGPU,
			chromedp.NoSandbox, // it needs rights that a container does not give, and opens only what is written here
			chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), chromedp.ProxyServer("127.0.0.1:9"),
			chromedp.Flag("hide-scrollbars", true),
		})...)
	t.Cleanup(ended) // it waits for the process
	b := &tab{}
	ctx, closed := chromedp.NewContext(ctx, chromedp.WithListener(b.hear))
	t.Cleanup(closed)
	b.ctx = ctx
	b.do(t, chromedp.Navigate("about:blank"))
	return b
}

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.noise = append(b.noise, "request "+e.Request.URL)
	case *log.EventEntryAdded:
		b.noise = append(b.noise, fmt.Sprintf("log %s: %s", e.Entry.Level, e.Entry.Text))
	case *runtime.EventConsoleAPICalled:
		b.noise = append(b.noise, fmt.Sprintf("console %s", e.Type))
	case *runtime.EventExceptionThrown:
		b.noise = append(b.noise, "exception "+e.ExceptionDetails.Text)
	}
}

func (b *tab) heard() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.noise)
}

func (b *tab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// open shows a page from a file, and gives the file's address.
func (b *tab) open(t *testing.T, text []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	address := (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(file), "/")}).String()
	b.do(t, chromedp.Navigate("about:blank"))
	b.mu.Lock()
	b.noise = nil
	b.mu.Unlock()
	b.do(t, chromedp.Navigate(address))
	return address
}

// view is what a page is looked at with.
type view struct {
	name          string
	width, height int64
	media, scheme string
}

func (b *tab) look(t *testing.T, v view) {
	t.Helper()
	b.do(t, chromedp.EmulateViewport(v.width, v.height))
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: v.media,
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}}}); err != nil {
		t.Fatal(err)
	}
}

func views() (all []view) {
	for _, scheme := range []string{"light", "dark"} {
		all = append(all, view{"phone-" + scheme, 390, 844, "screen", scheme},
			view{"tablet-" + scheme, 820, 1180, "screen", scheme}, view{"desktop-" + scheme, 1280, 800, "screen", scheme})
	}
	// The papers' widths between the margins, at 96 dots per inch.
	return append(all, view{"a4", 680, 962, "print", "light"}, view{"letter", 703, 894, "print", "light"})
}

// faults finds what a reader could not read: what is wider than the page, what sticks out of it to the right, unless
// it can be scrolled to, cells that leave no room for words, and text that comes out of its box, or stands over another
// label.
const faults = `(() => {
	const found = [], width = document.documentElement.clientWidth;
	const whole = document.documentElement.scrollWidth;
	if (whole > width) found.push('the page is ' + whole + ' wide, of ' + width);
	// What only a screen reader gets is cut to nothing.
	const quiet = e => e && (getComputedStyle(e).clipPath !== 'none' || quiet(e.parentElement));
	const scrolls = e => e && (getComputedStyle(e).overflowX === 'auto' || scrolls(e.parentElement));
	const name = e => e.tagName + '#' + (e.closest('[id]') || {}).id + ' ' + (e.textContent || '').trim().slice(0, 40);
	for (const e of document.body.querySelectorAll('*')) {
		if (e.closest('defs, .skip') || quiet(e)) continue;
		const box = e.getBoundingClientRect();
		if (box.width === 0) continue;
		if (box.right > width + 1 && !scrolls(e.parentElement)) found.push('sticks out: ' + name(e));
		if (e.matches('td, th') && box.width < 55) found.push('has no room for words: ' + name(e));
		if (!e.closest('svg') && getComputedStyle(e).overflowX === 'visible' && getComputedStyle(e).display !== 'inline' &&
			e.scrollWidth > e.clientWidth + 1) found.push('comes out of its box: ' + name(e));
	}
	for (const svg of document.querySelectorAll('figure > svg')) {
		const labels = [...svg.querySelectorAll('text')].map(e => [name(e), e.getBoundingClientRect()]);
		const edge = svg.getBoundingClientRect();
		labels.forEach(([a, x], i) => {
			if (x.left < edge.left || x.right > edge.right) found.push('outside of its map: ' + a);
			labels.slice(0, i).forEach(([b, y]) => {
				const over = Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top);
				if (x.left < y.right && y.left < x.right && over > Math.min(x.height, y.height) / 4)
					found.push(a + ' is over ' + b);
			});
		});
	}
	return found;
})()`

func (b *tab) faults(t *testing.T) []string {
	t.Helper()
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](faults))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// pictures is where screenshots go: a directory that somebody names to look at them.
func pictures(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("RESIDENCY_SCREENSHOTS"); dir != "" {
		return dir
	}
	return t.TempDir()
}

func keep(t *testing.T, file string, data []byte) {
	t.Helper()
	if len(data) < 1000 {
		t.Errorf("%s has %d bytes", filepath.Base(file), len(data))
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A real browser shows each page whole on a phone, a tablet, a desk and paper, by day and by night, and asks nobody
// for anything.
func TestBrowser(t *testing.T) {
	b, dir := browser(t), pictures(t)
	var outcome bytes.Buffer
	if err := page.Outcome(&outcome, made(t), ended()); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"migration": migration(t, migrated(t)), "plan": planPage(t, planned(t)),
		"inventory": inventoryPage(t, stock(t)), "crowded": inventoryPage(t, crowded(t)), "outcome": outcome.Bytes()} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, name+"-")
			address := b.open(t, text)
			for _, v := range views() {
				b.look(t, v)
				for _, fault := range b.faults(t) {
					t.Errorf("%s: %s", v.name, fault)
				}
				picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				keep(t, file+v.name+".png", picture)
				if v.width == 390 {
					b.answered(t, v)
				}
			}
			b.maps(t, file, parse(t, text))
			b.paper(t, file, parse(t, text))
			if got := b.heard(); !slices.Equal(got, []string{"request " + address}) {
				t.Errorf("the browser said, or asked for: %q", got)
			}
		})
	}
	t.Run("hostile names", b.hostile)
	t.Run("faults are found", b.findsFaults)
}

// crowded is an inventory of many countries, most of them close to each other, with names as long as they can be.
func crowded(t *testing.T) *inventory.Inventory {
	t.Helper()
	inv := stock(t)
	inv.Configuration.SHA256 = strings.Repeat("0123456789abcdef", 4)
	like := inv.Places[0]
	for i, country := range strings.Fields("BE CH DE ES FI FR GB IT NL NO PL SE SG HK JP KR IN BR") {
		p := like
		p.Country, p.Region = country, "region-of-"+strings.ToLower(country)
		p.Bucket = fmt.Sprintf("acme_customer.archive-%02d.%s", i, strings.Repeat("long", 9))
		p.Versions, p.Bytes = like.Versions+int64(i)*1_234_567, int64(i)<<40
		inv.Places = append(inv.Places, p)
	}
	return inv
}

// answered tells that the first paragraph of the answer is seen before anybody scrolls.
func (b *tab) answered(t *testing.T, v view) {
	t.Helper()
	end, err := chromedp.Run(b.ctx, chromedp.Evaluate[float64](
		`document.querySelector('#answer p').getBoundingClientRect().bottom`))
	if err != nil {
		t.Fatal(err)
	}
	if end <= 0 || end > float64(v.height) {
		t.Errorf("%s: the answer ends at %.0f, below what is seen (%d)", v.name, end, v.height)
	}
}

// maps takes a picture of each of a page's maps.
func (b *tab) maps(t *testing.T, file string, root *html.Node) {
	t.Helper()
	b.look(t, view{"", 1280, 800, "screen", "light"})
	for _, f := range all(root, "figure") {
		picture, err := chromedp.Run(b.ctx, chromedp.Screenshot(chromedp.CSS("#"+attr(f, "id"))))
		if err != nil {
			t.Fatal(err)
		}
		keep(t, file+attr(f, "id")+".png", picture)
	}
}

// paper prints a page, and reads what was printed: all headings, and the last line of the page.
func (b *tab) paper(t *testing.T, file string, root *html.Node) {
	t.Helper()
	b.look(t, view{"", 1280, 800, "", "dark"}) // the medium is what it is printed on; nobody prints white on black
	for name, size := range map[string]chromedp.PaperSize{"a4": chromedp.PaperA4, "letter": chromedp.PaperLetter} {
		data, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(size)))
		if err != nil {
			t.Fatal(err)
		}
		keep(t, file+name+".pdf", data)
		printed := squeeze(read(t, data))
		if contents := squeeze(inner(all(root, "nav")[0])); strings.Contains(printed, contents) {
			t.Errorf("%s has links that paper cannot follow: it is not what the style has for print", name)
		}
		want := []string{inner(byID(t, root, "answer")), inner(all(root, "footer")[0])}
		for _, h := range all(root, "h1", "h2", "h3") {
			want = append(want, inner(h))
		}
		for _, text := range want {
			if !strings.Contains(printed, squeeze(text)) {
				t.Errorf("%s does not have %q", name, text)
			}
		}
	}
}

// squeeze takes white space out, for a PDF has places in its stead.
func squeeze(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

func read(t *testing.T, data []byte) string {
	t.Helper()
	r, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range r.NumPage() {
		text, err := r.Page(n + 1).GetPlainText(nil)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(text)
	}
	return b.String()
}

// Whatever names there are, each on one of the pages, nothing runs, nothing is asked for, and nothing is pushed out of
// the page.
func (b *tab) hostile(t *testing.T) {
	for i, name := range hostile() {
		m, p, inv := migrated(t), planned(t), stock(t)
		for _, v := range []any{&m, &p, inv} {
			filled(reflect.ValueOf(v).Elem(), name)
		}
		text := [][]byte{migration(t, m), planPage(t, p), inventoryPage(t, inv)}[i%3]
		address := b.open(t, text)
		for _, v := range []view{{"phone", 390, 844, "screen", "light"}, {"paper", 680, 962, "print", "light"}} {
			b.look(t, v)
			for _, fault := range b.faults(t) {
				t.Errorf("%.20q, %s: %s", name, v.name, fault)
			}
		}
		if got := b.heard(); !slices.Equal(got, []string{"request " + address}) {
			t.Errorf("%.20q: the browser said, or asked for: %q", name, got)
		}
	}
}

// findsFaults shows that what is held against the pages above is found where it is.
func (b *tab) findsFaults(t *testing.T) {
	b.open(t, []byte(`<!DOCTYPE html><html lang="en"><title>x</title><script>console.warn("x"); undefined_()</script>
		<img src="https://tracker.example/x.png" alt=""><div id="wide" style="width:2000px">wide</div>
		<p id="narrow" style="width:1em">unbreakable</p><table id="cells"><tr><td>a<td>b</table>
		<figure><svg viewBox="0 0 100 100"><text x="10" y="50">one</text><text x="12" y="50">two</text></svg></figure>`))
	b.look(t, view{"", 390, 844, "screen", "light"})
	got := strings.Join(b.faults(t), "\n")
	for _, want := range []string{"the page is 2008 wide", "sticks out: DIV#wide", "comes out of its box: P#narrow",
		"has no room for words: TD#cells", "is over"} {
		if !strings.Contains(got, want) {
			t.Errorf("not found: %s\n%s", want, got)
		}
	}
	noise := strings.Join(b.heard(), "\n")
	for _, want := range []string{"request https://tracker.example/x.png", "console warning", "exception"} {
		if !strings.Contains(noise, want) {
			t.Errorf("not heard: %s\n%s", want, noise)
		}
	}
}
