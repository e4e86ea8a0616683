package page_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "write down anew where a browser puts the blocks of the pages")

// spot is where a block stands, as far as no font has a say in it, in pixels of CSS: how far
// from the left, how wide, and how far below the block before it, or below the beginning of
// the one around it. Only maps have a height that no text makes.
type spot struct {
	Block  string  `json:"block"`
	Left   float64 `json:"left"`
	Width  float64 `json:"width"`
	Above  float64 `json:"above"`
	Height float64 `json:"height,omitempty"`
}

// spots finds the main blocks.
const spots = `(() => [...document.querySelectorAll(
	'header, main, main > *, footer, figure, figure > svg, .scroll')].map(e => {
	const box = e.getBoundingClientRect(), before = e.previousElementSibling, round = x => Math.round(x * 10) / 10;
	const from = before ? before.getBoundingClientRect().bottom : e.parentElement.getBoundingClientRect().top;
	const name = e.id || e.getAttribute('aria-labelledby') || (e.closest('[id]') || {}).id || '';
	return {block: e.tagName.toLowerCase() + ' ' + name, left: round(box.left), width: round(box.width),
		above: round(box.top - from), height: e.matches('figure > svg') ? round(box.height) : 0};
}))()`

// tolerance is how far a block may be from where it was, in pixels.
const tolerance = 2

// moved tells in what blocks are not where they were.
func moved(was, is []spot) (all []string) {
	for i := range max(len(was), len(is)) {
		switch {
		case i >= len(was):
			all = append(all, is[i].Block+" is new")
			continue
		case i >= len(is) || is[i].Block != was[i].Block:
			return append(all, was[i].Block+" is gone, or elsewhere")
		}
		for _, x := range []struct {
			what    string
			was, is float64
		}{
			{"left", was[i].Left, is[i].Left}, {"width", was[i].Width, is[i].Width},
			{"distance from what is above", was[i].Above, is[i].Above}, {"height", was[i].Height, is[i].Height},
		} {
			if math.Abs(x.was-x.is) > tolerance {
				all = append(all, fmt.Sprintf("%s: its %s is %.1f, was %.1f", is[i].Block, x.what, x.is, x.was))
			}
		}
	}
	return all
}

// TestLayout holds where a browser puts each block against where it did when somebody looked
// at the pictures and found them good. Whoever changes the style on purpose looks at them
// again (RESIDENCY_SCREENSHOTS) and writes the places down with -update.
func TestLayout(t *testing.T) {
	b := browser(t)
	file := filepath.Join("testdata", "layout.json")
	kept := map[string][]spot{}
	if text, err := os.ReadFile(file); err != nil && !*update {
		t.Fatal(err)
	} else if err := json.Unmarshal(text, &kept); err != nil && !*update {
		t.Fatal(err)
	}
	found := map[string][]spot{}
	for name, text := range map[string][]byte{"migration": migration(t, migrated(t)), "plan": planPage(t, planned(t)),
		"inventory": inventoryPage(t, stock(t))} {
		b.open(t, text)
		for _, v := range views() {
			if v.scheme != "light" || v.media != "screen" {
				continue
			}
			b.look(t, v)
			is, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]spot](spots))
			if err != nil {
				t.Fatal(err)
			}
			if len(is) < 10 {
				t.Errorf("%s, %s: %d blocks", name, v.name, len(is))
			}
			at := name + " " + strings.TrimSuffix(v.name, "-light")
			found[at] = is
			for _, difference := range moved(kept[at], is) {
				if !*update {
					t.Errorf("%s: %s", at, difference)
				}
			}
		}
	}
	if *update {
		write(t, file, found)
	}
	// What is moved is found, and another font moves nothing.
	b.look(t, view{"", 1280, 800, "screen", "light"})
	for change, want := range map[string]bool{
		"document.querySelector('main').style.paddingLeft = '3px'":          true,
		"document.querySelectorAll('section')[1].style.marginTop = '99px'":  true,
		"document.querySelector('figure > svg').style.width = '90%'":        true,
		"document.querySelector('section').remove()":                        true,
		"document.documentElement.style.fontFamily = 'monospace'":           false,
		"document.documentElement.style.fontFamily = 'DejaVu Serif, serif'": false,
	} {
		b.open(t, inventoryPage(t, stock(t)))
		is, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]spot]("(() => { "+change+"; return "+spots+" })()"))
		if err != nil {
			t.Fatal(err)
		}
		if differ := moved(found["inventory desktop"], is); len(differ) > 0 != want {
			t.Errorf("%s: differences %q, want some: %t", change, differ, want)
		}
	}
}

// write keeps what was found, a block a line.
func write(t *testing.T, file string, found map[string][]spot) {
	t.Helper()
	var text strings.Builder
	between := "{\n"
	for _, name := range slices.Sorted(maps.Keys(found)) {
		fmt.Fprintf(&text, "%s\t%q: [", between, name)
		for i, s := range found[name] {
			line, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "%s\n\t\t%s", map[bool]string{true: ","}[i > 0], line)
		}
		text.WriteString("\n\t]")
		between = ",\n"
	}
	text.WriteString("\n}\n")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
