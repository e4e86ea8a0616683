package azure

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// operation is one of the Blob service.
type operation struct {
	name   string
	method string
	level  int // 0: of an account, 1: of a container, 2: of a blob
	comp   string
	typed  bool // has restype=container
	from   bool // has x-ms-copy-source
	params []string
	header []string // beside those of every request; "x-ms-meta-*" stands for all metadata
	do     func(*Server, *exchange) *answer
}

// exchange is one request in the making.
type exchange struct {
	r         *http.Request
	query     url.Values
	body      []byte
	account   *account
	container *container // nil: there is none
	name      string     // of the container
	key       string
}

func (x *exchange) head(name string) string { return x.r.Header.Get(name) }

// attributes are the headers that everything which makes a blob may have ("Put Blob", "Put Block List").
func attributes(more ...string) []string {
	return append([]string{"X-Ms-Blob-Content-Type", "X-Ms-Blob-Content-Encoding", "X-Ms-Blob-Content-Language",
		"X-Ms-Blob-Content-Disposition", "X-Ms-Blob-Cache-Control", "X-Ms-Blob-Content-Md5", "X-Ms-Meta-*", "X-Ms-Tags",
		"X-Ms-Access-Tier", "X-Ms-Immutability-Policy-Mode", "X-Ms-Immutability-Policy-Until-Date", "X-Ms-Legal-Hold",
		"If-Match", "If-None-Match", "X-Ms-Content-Crc64", "Content-Md5", "Content-Type"}, more...)
}

func operations() []operation {
	one := []string{"versionid", "snapshot"}
	conditions := []string{"If-Match", "If-None-Match"}
	return []operation{
		{name: "List Containers", method: "GET", comp: "list", params: []string{"marker", "maxresults", "prefix"},
			do: (*Server).listContainers},
		{name: "Create Container", method: "PUT", level: 1, typed: true, header: []string{"X-Ms-Meta-*"},
			do: (*Server).createContainer},
		{name: "Get Container Properties", method: "HEAD", level: 1, typed: true, do: (*Server).containerProperties},
		{name: "Delete Container", method: "DELETE", level: 1, typed: true, do: (*Server).deleteContainer},
		{name: "Set Container Metadata", method: "PUT", level: 1, typed: true, comp: "metadata",
			header: []string{"X-Ms-Meta-*"}, do: (*Server).setMetadata},
		{name: "List Blobs", method: "GET", level: 1, typed: true, comp: "list",
			params: []string{"prefix", "marker", "maxresults", "include", "startFrom"}, do: (*Server).listBlobs},
		{name: "Put Blob", method: "PUT", level: 2, header: attributes("X-Ms-Blob-Type"), do: (*Server).putBlob},
		{name: "Put Blob From URL", method: "PUT", level: 2, from: true, header: copying(), do: (*Server).copyBlob},
		{name: "Put Block", method: "PUT", level: 2, comp: "block", params: []string{"blockid"},
			header: []string{"X-Ms-Content-Crc64", "Content-Md5"}, do: (*Server).putBlock},
		{name: "Put Block List", method: "PUT", level: 2, comp: "blocklist", header: attributes(),
			do: (*Server).putBlockList},
		{name: "Get Block List", method: "GET", level: 2, comp: "blocklist", params: []string{"blocklisttype"},
			do: (*Server).getBlockList},
		{name: "Get Blob Tags", method: "GET", level: 2, comp: "tags", params: one, do: (*Server).getTags},
		{name: "Get Blob", method: "GET", level: 2, params: one, header: conditions, do: (*Server).getBlob},
		{name: "Get Blob Properties", method: "HEAD", level: 2, params: one, header: conditions, do: (*Server).getBlob},
		{name: "Delete Blob", method: "DELETE", level: 2, params: one,
			header: append(conditions, "X-Ms-Delete-Snapshots"), do: (*Server).deleteBlob},
	}
}

// data answers a request to the Blob service.
func (s *Server) data(r *http.Request, body []byte) (a *answer, lost bool) {
	x := &exchange{r: r, body: body}
	var name string
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	name, path, _ = strings.Cut(path, "/")
	x.name, path, _ = strings.Cut(path, "/")
	var err error
	if x.key, err = url.PathUnescape(path); err != nil {
		return refuse(http.StatusBadRequest, "InvalidUri"), false
	}
	if x.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return badQuery(), false
	}
	if x.account = s.accounts[name]; x.account == nil {
		return refuse(http.StatusNotFound, "ResourceNotFound"), false
	}
	x.container = x.account.containers[x.name]
	op := s.find(x)
	if op == nil {
		return refuse(http.StatusBadRequest, "UnsupportedHttpVerb"), false
	}
	seen := Request{Op: op.name, Account: name, Name: x.name + "/" + x.key, Query: r.URL.RawQuery,
		Header: r.Header.Clone()}
	defer func() {
		seen.Status, seen.Received, seen.Sent = a.status, len(body), len(a.body)
		s.seen = append(s.seen, seen)
	}()
	var fault Fault
	if s.fault != nil {
		fault = s.fault(seen)
	}
	if fault.Alters != nil {
		fault.Alters(func(name string) *Account { return &s.accounts[name].Account })
	}
	if fault.Status != 0 {
		return refuse(fault.Status, cmp.Or(fault.Code, "InternalError")), false
	}
	return s.perform(op, x), fault.Lost
}

// find is the operation that a request asks for.
func (s *Server) find(x *exchange) *operation {
	level := 0
	switch {
	case x.key != "":
		level = 2
	case x.name != "":
		level = 1
	}
	all := operations()
	i := slices.IndexFunc(all, func(o operation) bool {
		return o.method == x.r.Method && o.level == level && o.comp == x.query.Get("comp") &&
			o.typed == (x.query.Get("restype") == "container") && o.from == (x.head("X-Ms-Copy-Source") != "")
	})
	if i < 0 {
		return nil
	}
	return &all[i]
}

func (s *Server) perform(op *operation, x *exchange) *answer {
	if refused := s.believe(x); refused != nil {
		return refused
	}
	if !s.allowed(op.needs(x)) {
		return refuse(http.StatusForbidden, "AuthorizationPermissionMismatch")
	}
	for name, values := range x.query {
		if name != "comp" && name != "restype" && !slices.Contains(op.params, name) || len(values) != 1 {
			return unknownParameter()
		}
	}
	for name, values := range x.r.Header {
		meta := strings.HasPrefix(name, "X-Ms-Meta-") && slices.Contains(op.header, "X-Ms-Meta-*")
		if !meta && !slices.Contains(ofAll(), name) && !slices.Contains(op.header, name) || len(values) != 1 {
			return unknownHeader()
		}
	}
	if op.level > 0 && x.container == nil && op.name != "Create Container" {
		return noContainer()
	}
	return op.do(s, x)
}

// ofAll are the headers that every request may have.
func ofAll() []string {
	return []string{"Authorization", "X-Ms-Date", "X-Ms-Version", "User-Agent", "Accept-Encoding", "Content-Length",
		"Expect"}
}

// believe checks who asks ("Authorize with Shared Key"; "Authorize with Microsoft Entra ID"). A date may
// differ by 15 minutes.
func (s *Server) believe(x *exchange) *answer {
	if x.head("X-Ms-Version") != apiVersion {
		return badHeader()
	}
	at, err := http.ParseTime(x.head("X-Ms-Date"))
	if err != nil || s.o.Now().Sub(at).Abs() > 15*time.Minute {
		return unauthorized()
	}
	scheme, value, _ := strings.Cut(x.head("Authorization"), " ")
	switch scheme {
	case "Bearer":
		if value == s.o.Token {
			return nil
		}
		return refuse(http.StatusUnauthorized, "InvalidAuthenticationInfo")
	case "SharedKey":
		name, signature, _ := strings.Cut(value, ":")
		mac := hmac.New(sha256.New, x.account.Key)
		_, _ = mac.Write([]byte(signed(x)))
		if x.account.Key != nil && name == x.account.Name &&
			signature == base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			return nil
		}
	}
	return unauthorized()
}

// signed is what a Shared Key signs ("Authorize with Shared Key", Constructing the signature string).
func signed(x *exchange) string {
	var b strings.Builder
	b.WriteString(x.r.Method + "\n")
	length := x.head("Content-Length")
	if length == "0" {
		length = "" // since version 2015-02-21
	}
	for _, value := range []string{x.head("Content-Encoding"), x.head("Content-Language"), length, x.head("Content-MD5"),
		x.head("Content-Type"), "", x.head("If-Modified-Since"), x.head("If-Match"), x.head("If-None-Match"),
		x.head("If-Unmodified-Since"), x.head("Range")} {
		b.WriteString(value + "\n")
	}
	var own []string
	for name, values := range x.r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-ms-") {
			own = append(own, lower+":"+strings.Join(values, ",")+"\n")
		}
	}
	slices.Sort(own)
	b.WriteString(strings.Join(own, "") + "/" + x.account.Name + x.r.URL.EscapedPath())
	var parameters []string
	for name, values := range x.query {
		parameters = append(parameters,
			"\n"+strings.ToLower(name)+":"+strings.Join(slices.Sorted(slices.Values(values)), ","))
	}
	slices.Sort(parameters)
	return b.String() + strings.Join(parameters, "")
}
