package amazon

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// refusal is an error as Amazon answers it.
type refusal struct {
	status  int
	code    string
	message string
	detail  []detail    // further elements of the document
	header  http.Header // further headers
}

type detail struct{ name, value string }

func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// with adds an element to the document.
func (r *refusal) with(name, value string) *refusal {
	r.detail = append(r.detail, detail{name, value})
	return r
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

func denied(format string, args ...any) *refusal {
	return refuse(http.StatusForbidden, "AccessDenied", format, args...)
}

func invalidArgument(name, value, format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "InvalidArgument", format, args...).
		with("ArgumentName", name).with("ArgumentValue", value)
}

func invalidRequest(format string, args ...any) *refusal {
	return refuse(http.StatusBadRequest, "InvalidRequest", format, args...)
}

func notImplemented(header string) *refusal {
	return refuse(http.StatusNotImplemented, "NotImplemented",
		"A header you provided implies functionality that is not implemented").with("Header", header)
}

func preconditionFailed(condition string) *refusal {
	return refuse(http.StatusPreconditionFailed, "PreconditionFailed",
		"At least one of the pre-conditions you specified did not hold").with("Condition", condition)
}

func notFound(code, message string) *refusal { return refuse(http.StatusNotFound, code, "%s", message) }

func malformedXML() *refusal {
	return refuse(http.StatusBadRequest, "MalformedXML",
		"The XML you provided was not well-formed or did not validate against our published schema")
}

// document is the refusal's XML.
func (r *refusal) document(id string) []byte {
	var b strings.Builder
	b.WriteString(xml.Header + "<Error>")
	element := func(name, value string) {
		b.WriteString("<" + name + ">")
		_ = xml.EscapeText(&b, []byte(value)) // a strings.Builder takes everything
		b.WriteString("</" + name + ">")
	}
	element("Code", r.code)
	element("Message", cmp.Or(r.message, r.code))
	for _, d := range r.detail {
		element(d.name, d.value)
	}
	element("RequestId", id)
	element("HostId", "host-"+id)
	b.WriteString("</Error>")
	return []byte(b.String())
}

// refused answers with an error. The answer to HEAD has no body (Amazon S3 API
// Reference, "HeadObject": "a generic 400 Bad Request, 403 Forbidden … code").
func (c *call) refused(r *refusal) {
	for name, values := range r.header {
		c.w.Header()[name] = values
	}
	body := r.document(c.id)
	if c.r.Method == http.MethodHead {
		body = nil
	}
	c.w.Header().Set("Content-Type", "application/xml")
	if body != nil {
		c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	if c.unread() {
		c.w.Header().Set("Connection", "close") // what is still being sent is not taken in
	}
	c.w.WriteHeader(r.status)
	_, _ = c.w.Write(body) // a client that is gone has no need of it
}
