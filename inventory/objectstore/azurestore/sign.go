package azurestore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// sign signs a request with an account's key ("Authorize with Shared Key", Blob, Queue and File
// services). Its x-ms-date is set.
func sign(r *http.Request, account string, key []byte) {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(stringToSign(r, account))) // a hash's Write never fails
	r.Header.Set("Authorization", "SharedKey "+account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func stringToSign(r *http.Request, account string) string {
	length := ""
	if r.ContentLength > 0 {
		length = strconv.FormatInt(r.ContentLength, 10)
	}
	lines := []string{r.Method, r.Header.Get("Content-Encoding"), r.Header.Get("Content-Language"), length}
	for _, name := range []string{"Content-MD5", "Content-Type", "Date", "If-Modified-Since", "If-Match", "If-None-Match",
		"If-Unmodified-Since", "Range"} {
		lines = append(lines, r.Header.Get(name))
	}
	return strings.Join(lines, "\n") + "\n" + canonicalHeaders(r.Header) + canonicalResource(r.URL, account)
}

// canonicalHeaders are the service's own, by name.
func canonicalHeaders(h http.Header) string {
	var names []string
	for name := range h {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-ms-") {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		b.WriteString(name + ":" + strings.TrimSpace(h.Get(name)) + "\n")
	}
	return b.String()
}

// canonicalResource is the path as it is escaped, and the parameters as they are not.
func canonicalResource(u *url.URL, account string) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	var b strings.Builder
	b.WriteString("/" + account + path)
	query := u.Query()
	var names []string
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := query[name]
		slices.Sort(values)
		b.WriteString("\n" + strings.ToLower(name) + ":" + strings.Join(values, ","))
	}
	return b.String()
}
