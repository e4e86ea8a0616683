package google

import (
	"strings"
)

// selection is what a partial answer has (Cloud Storage documentation, "JSON API overview",
// partial responses): names, and of objects what they have. An empty one is everything.
type selection map[string]selection

// parseFields reads the parameter fields: names between commas, with what is selected
// within them behind a slash or in parentheses.
func parseFields(text string) (selection, error) {
	if text == "" {
		return nil, nil
	}
	s, rest, err := parseList(text)
	if err == nil && rest != "" {
		err = invalid("Invalid field selection " + rest)
	}
	return s, err
}

func parseList(text string) (selection, string, error) {
	s := make(selection)
	for {
		i := strings.IndexAny(text, ",()/")
		if i < 0 {
			i = len(text)
		}
		name := text[:i]
		if name == "" {
			return nil, "", invalid("Invalid field selection " + text)
		}
		text = text[i:]
		var within selection
		var err error
		switch {
		case strings.HasPrefix(text, "("):
			within, text, err = parseList(text[1:])
			if err == nil && !strings.HasPrefix(text, ")") {
				err = invalid("Invalid field selection " + text)
			}
			if err != nil {
				return nil, "", err
			}
			text = text[1:]
		case strings.HasPrefix(text, "/"):
			i := strings.IndexAny(text, ",()")
			if i < 0 {
				i = len(text)
			}
			if within, _, err = parseList(text[1:i]); err != nil {
				return nil, "", err
			}
			text = text[i:]
		}
		s[name] = within
		if !strings.HasPrefix(text, ",") {
			return s, text, nil
		}
		text = text[1:]
	}
}

// pick leaves of a document what is selected. Names that there are not are refused.
func pick(document map[string]any, s selection, known string) (map[string]any, error) {
	if s == nil {
		return document, nil
	}
	out := make(map[string]any)
	for name, within := range s {
		if !strings.Contains(" "+known+" ", " "+name+" ") {
			return nil, invalid("Invalid field selection " + name)
		}
		value, ok := document[name]
		if !ok {
			continue
		}
		if nested, is := value.([]map[string]any); is {
			kept := make([]map[string]any, 0, len(nested))
			for _, one := range nested {
				part, err := pick(one, within, knownOf(name))
				if err != nil {
					return nil, err
				}
				kept = append(kept, part)
			}
			value = kept
		} else if one, is := value.(map[string]any); is && within != nil {
			part, err := pick(one, within, knownOf(name))
			if err != nil {
				return nil, err
			}
			value = part
		}
		out[name] = value
	}
	return out, nil
}

// selected is an answer with what is selected of a document.
func (c *call) selected(document map[string]any, known string) (*answer, error) {
	s, err := parseFields(c.query.Get("fields"))
	if err != nil {
		return nil, err
	}
	picked, err := pick(document, s, known)
	if err != nil {
		return nil, err
	}
	return &answer{json: picked}, nil
}

// The fields that there are (JSON API, "Objects" and "Buckets", resource representations).
const (
	objectNames = "kind id name bucket generation metageneration contentType storageClass size md5Hash crc32c etag" +
		" timeCreated updated timeDeleted softDeleteTime hardDeleteTime contentEncoding contentDisposition" +
		" contentLanguage cacheControl metadata customTime contexts temporaryHold eventBasedHold" +
		" retentionExpirationTime retention kmsKeyName customerEncryption componentCount"
	bucketNames = "kind id name projectNumber timeCreated updated metageneration location locationType" +
		" customPlacementConfig versioning labels softDeletePolicy retentionPolicy defaultEventBasedHold autoclass" +
		" logging encryption objectRetention storageClass iamConfiguration hierarchicalNamespace lifecycle billing"
	cacheNames = "kind anywhereCacheId zone state"
	pageNames  = "kind nextPageToken items"
)

func knownOf(name string) string {
	switch name {
	case "items":
		return objectNames + " " + bucketNames + " " + cacheNames
	case "resource":
		return objectNames
	}
	return ""
}
