package azure

import (
	"encoding/xml"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) listContainers(x *exchange) *answer {
	type found struct {
		Name string
	}
	out := struct {
		XMLName    xml.Name `xml:"EnumerationResults"`
		Containers []found  `xml:"Containers>Container"`
		NextMarker string
	}{}
	for _, name := range slices.Sorted(maps.Keys(x.account.containers)) {
		if strings.HasPrefix(name, x.query.Get("prefix")) && name > x.query.Get("marker") {
			if len(out.Containers) == s.o.PageSize {
				out.NextMarker = out.Containers[len(out.Containers)-1].Name
				break
			}
			out.Containers = append(out.Containers, found{name})
		}
	}
	return document(out)
}

func document(v any) *answer {
	body, err := xml.Marshal(v)
	if err != nil {
		panic(err) // the types are known
	}
	return &answer{status: http.StatusOK, body: append([]byte(xml.Header), body...),
		header: map[string]string{"Content-Type": "application/xml"}}
}

// containerName is a rule of "Naming and referencing containers, blobs, and metadata".
var containerName = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])+$`)

func (s *Server) createContainer(x *exchange) *answer {
	if len(x.name) < 3 || len(x.name) > 63 || !containerName.MatchString(x.name) {
		return refuse(http.StatusBadRequest, "InvalidResourceName")
	}
	if x.container != nil {
		return refuse(http.StatusConflict, "ContainerAlreadyExists")
	}
	metadata, refused := metadata(x)
	if refused != nil {
		return refused
	}
	x.account.containers[x.name] = s.newContainer(x.account, metadata)
	return &answer{status: http.StatusCreated}
}

func (s *Server) newContainer(a *account, metadata map[string]string) *container {
	return &container{metadata: metadata, modified: s.tick(), etag: s.etag(), locking: a.VersionLocking,
		blobs: make(map[string]*blob)}
}

func (s *Server) containerProperties(x *exchange) *answer {
	a := &answer{status: http.StatusOK, header: map[string]string{"ETag": `"` + x.container.etag + `"`,
		"Last-Modified":                x.container.modified.Format(http.TimeFormat),
		"x-ms-has-immutability-policy": "false", "x-ms-has-legal-hold": "false",
		"x-ms-immutable-storage-with-versioning-enabled": strconv.FormatBool(x.container.locking)}}
	for name, value := range x.container.metadata {
		a.header["x-ms-meta-"+name] = value
	}
	return a
}

// deleteContainer deletes with all that is in it ("Delete Container"), unless versions are locked ("Immutable
// storage for version-level scope").
func (s *Server) deleteContainer(x *exchange) *answer {
	if x.container.locking && len(x.container.blobs) > 0 {
		return refuse(http.StatusConflict, "ContainerImmutabilityPolicyFailure") // assumed
	}
	delete(x.account.containers, x.name)
	return &answer{status: http.StatusAccepted}
}

func (s *Server) setMetadata(x *exchange) *answer {
	metadata, refused := metadata(x)
	if refused != nil {
		return refused
	}
	x.container.metadata, x.container.modified, x.container.etag = metadata, s.tick(), s.etag()
	return &answer{status: http.StatusOK}
}

// identifier is the form of a name of metadata ("Naming and referencing containers, blobs, and metadata", Metadata
// names: C# identifiers).
var identifier = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// metadata reads what a request sets: 8 KiB at most ("Setting and retrieving properties and metadata"). That values are
// printable ASCII and not empty is assumed.
func metadata(x *exchange) (map[string]string, *answer) {
	out := make(map[string]string)
	size := 0
	for name, values := range x.r.Header {
		name, ok := strings.CutPrefix(strings.ToLower(name), "x-ms-meta-")
		if !ok {
			continue
		}
		value := values[0]
		ascii := strings.IndexFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) < 0
		if !identifier.MatchString(name) || value == "" || !ascii {
			return nil, badMetadata()
		}
		size += len(name) + len(value)
		out[name] = value
	}
	if size > 8<<10 {
		return nil, refuse(http.StatusBadRequest, "MetadataTooLarge")
	}
	return out, nil
}
