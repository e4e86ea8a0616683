package google

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// page finds out which of so many entries are on the page that is asked for. A token says
// behind which entry it begins, by the entry's place in the order.
func (c *call) page(n int, place func(int) string) (from, to int, next string, err error) {
	size := c.options.PageSize
	if text := c.query.Get("maxResults"); text != "" {
		most, err := strconv.Atoi(text)
		if err != nil || most < 1 {
			return 0, 0, "", invalid("Invalid value for maxResults")
		}
		size = min(size, most)
	}
	asked := c.asked()
	token := c.query.Get("pageToken")
	if token != "" {
		after, err := base64.URLEncoding.DecodeString(token)
		if err != nil || len(after) < len(asked) || string(after[:len(asked)]) != asked {
			return 0, 0, "", invalid("Invalid page token")
		}
		from = sort.Search(n, func(i int) bool { return place(i) > string(after[len(asked):]) })
	} else if c.options.EmptyPages {
		return 0, 0, base64.URLEncoding.EncodeToString([]byte(asked)), nil
	}
	if to = min(from+size, n); to < n {
		next = base64.URLEncoding.EncodeToString([]byte(asked + place(to-1)))
	}
	return from, to, next, nil
}

// asked is what a token goes with: a client is expected to leave all else as it is, and may be
// refused where it does not (Google API Improvement Proposals, AIP-158, "Pagination").
func (c *call) asked() string {
	q := maps.Clone(c.query)
	delete(q, "pageToken")
	delete(q, "maxResults")
	sum := sha256.Sum256([]byte(c.bucket + "?" + q.Encode()))
	return string(sum[:8])
}

// offsets checks where a listing is to begin and to end. What no document says anything of is
// refused: a range that ends where it begins or before, and what cannot be a name.
func (c *call) offsets() (start, end string, err error) {
	start, end = c.query.Get("startOffset"), c.query.Get("endOffset")
	for _, name := range []string{start, end} {
		if len(name) > 1024 || !utf8.ValidString(name) || strings.ContainsAny(name, "\x00\r\n") {
			return "", "", invalid("Invalid offset")
		}
	}
	if end != "" && start >= end {
		return "", "", invalid("startOffset must be less than endOffset")
	}
	return start, end, nil
}

// listObjects lists in the order of names, as bytes; versions of one name in the order of
// their generations (JSON API, "Objects: list"; Cloud Storage documentation, "Listing
// objects", on the order). An entry of either offset is included at the beginning and not
// at the end. Soft-deleted objects come by themselves, if they are asked for.
func (c *call) listObjects() (*answer, error) {
	b, err := c.existing(c.bucket)
	if err != nil {
		return nil, err
	}
	soft, versions := c.query.Get("softDeleted") == "true", c.query.Get("versions") == "true"
	if soft && versions {
		return nil, invalid("softDeleted and versions cannot both be true.")
	}
	start, end, err := c.offsets()
	if err != nil {
		return nil, err
	}
	prefix := c.query.Get("prefix")
	var all []*Object
	for _, name := range b.inOrder(c.last) {
		if !strings.HasPrefix(name, prefix) || name < start || end != "" && name >= end {
			continue
		}
		h := b.objects[name]
		switch {
		case soft:
		case versions:
			all = append(all, h...)
		case b.live(name) != nil:
			all = append(all, b.live(name))
		}
	}
	if soft {
		all = slices.DeleteFunc(slices.Clone(b.deleted), func(o *Object) bool {
			return !strings.HasPrefix(o.Name, prefix) || o.Name < start || end != "" && o.Name >= end
		})
		slices.SortFunc(all, func(x, y *Object) int { return strings.Compare(place(x), place(y)) })
	}
	from, to, next, err := c.page(len(all), func(i int) string { return place(all[i]) })
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, to-from)
	for _, o := range all[from:to] {
		items = append(items, b.document(o))
	}
	return c.listed("storage#objects", items, next)
}

// inOrder are the names of a bucket's objects. They are sorted anew where some may have come,
// which takes a generation, or gone.
func (b *Bucket) inOrder(last int64) []string {
	if b.sortedAt != last || len(b.sorted) != len(b.objects) {
		b.sorted, b.sortedAt = slices.Sorted(maps.Keys(b.objects)), last
	}
	return b.sorted
}

// place orders versions: by names, and within one by generations.
func place(o *Object) string {
	digits := number(o.generation)
	return o.Name + "\x00" + strings.Repeat("0", 20-len(digits)) + digits
}
