package azurestore

import (
	"encoding/base32"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
)

// Names of metadata are identifiers of C# that are equal whatever their case ("Naming and
// referencing containers, blobs, and metadata", Metadata names), of which a header keeps lower
// case alone. Other names are encoded behind encodedName. Values that a header does not keep
// are encoded too, and their names, whatever they are, behind encodedBoth.
const (
	encodedName = "residency_x_"
	encodedBoth = "residency_y_"

	metaHeader = "x-ms-meta-"
	// maxMetadata is for all names and values together ("Setting and retrieving properties
	// and metadata for Blob Storage resources").
	maxMetadata = 8 << 10
)

var (
	errTwice              = errors.New("two names of metadata are encodings of the same one")
	errSameName     error = refusal("two names of metadata differ in their case alone, which Azure does not tell apart")
	errMuchMetadata error = refusal("metadata of more than 8 KiB")
)

// putMetadata adds metadata to a header, or says why it cannot be kept.
func putMetadata(h http.Header, metadata map[string]string) error {
	size := 0
	folded := make(map[string]bool, len(metadata))
	for name, value := range metadata {
		lower := strings.ToLower(name)
		if folded[lower] {
			return errSameName
		}
		folded[lower] = true
		name, value = encodeMetadata(name, value)
		size += len(name) + len(value)
		h.Set(metaHeader+name, value)
	}
	if size > maxMetadata {
		return errMuchMetadata
	}
	return nil
}

func encodeMetadata(name, value string) (string, string) {
	switch {
	case !plainValue(value):
		return encodedBoth + base32Name().EncodeToString([]byte(name)),
			"b" + base64.StdEncoding.EncodeToString([]byte(value)) // never empty
	case !plainName(name):
		return encodedName + base32Name().EncodeToString([]byte(name)), value
	}
	return name, value
}

// metadataOf reads the metadata of a header.
func metadataOf(h http.Header) (map[string]string, error) {
	var metadata map[string]string
	for name, values := range h {
		name, ok := strings.CutPrefix(strings.ToLower(name), metaHeader)
		if !ok || len(values) == 0 {
			continue
		}
		if metadata == nil {
			metadata = make(map[string]string)
		}
		name, value := decodeMetadata(name, values[0])
		if _, twice := metadata[name]; twice {
			return nil, errTwice
		}
		metadata[name] = value
	}
	return metadata, nil
}

// decodeMetadata is what encodeMetadata has made of a name and a value. What it cannot have made is
// somebody else's, whatever it begins with, and is taken as it is.
func decodeMetadata(name, value string) (string, string) {
	code, both := strings.CutPrefix(name, encodedBoth)
	if !both {
		var encoded bool
		if code, encoded = strings.CutPrefix(name, encodedName); !encoded {
			return name, value
		}
	}
	own, err := base32Name().DecodeString(code)
	if err != nil {
		return name, value
	}
	data := []byte(value)
	if both {
		if data, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(value, "b")); err != nil {
			return name, value
		}
	}
	if n, v := encodeMetadata(string(own), string(data)); n != name || v != value {
		return name, value
	}
	return string(own), string(data)
}

func base32Name() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

// plainName tells whether a name comes back as it is.
func plainName(name string) bool {
	if name == "" || strings.HasPrefix(name, encodedName) || strings.HasPrefix(name, encodedBoth) {
		return false
	}
	for i := range len(name) {
		lower := 'a' <= name[i] && name[i] <= 'z' || name[i] == '_'
		if digit := '0' <= name[i] && name[i] <= '9'; !lower && (i == 0 || !digit) {
			return false
		}
	}
	return true
}

// plainValue tells whether a value comes back as it is: printable ASCII, without the spaces at
// its ends that a header loses (RFC 9110, section 5.5).
func plainValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return value != "" && value == strings.Trim(value, " ")
}
