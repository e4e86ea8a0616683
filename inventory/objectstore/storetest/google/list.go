package google

import (
	"encoding/base64"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
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
	token := c.query.Get("pageToken")
	if token != "" {
		after, err := base64.URLEncoding.DecodeString(token)
		if err != nil || len(after) == 0 {
			return 0, 0, "", invalid("Invalid page token")
		}
		from = sort.Search(n, func(i int) bool { return place(i) > string(after[1:]) })
	} else if c.options.EmptyPages {
		return 0, 0, base64.URLEncoding.EncodeToString([]byte("\x00")), nil
	}
	if to = min(from+size, n); to < n {
		next = base64.URLEncoding.EncodeToString([]byte("\x00" + place(to-1)))
	}
	return from, to, next, nil
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
	var all []*Object
	for _, name := range slices.Sorted(maps.Keys(b.objects)) {
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
		all = slices.Clone(b.deleted)
		slices.SortFunc(all, func(x, y *Object) int { return strings.Compare(place(x), place(y)) })
	}
	prefix, start, end := c.query.Get("prefix"), c.query.Get("startOffset"), c.query.Get("endOffset")
	all = slices.DeleteFunc(all, func(o *Object) bool {
		return !strings.HasPrefix(o.Name, prefix) || o.Name < start || end != "" && o.Name >= end
	})
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

// place orders versions: by names, and within one by generations.
func place(o *Object) string {
	digits := number(o.generation)
	return o.Name + "\x00" + strings.Repeat("0", 20-len(digits)) + digits
}
