package wire

import (
	"errors"
	"net/http"

	"github.com/residency/residency/inventory/objectstore"
)

// Kind is what callers decide on where an answer's status is all that is known (RFC 9110,
// "Status Codes", and RFC 6585, section 4). It is nil where that depends on the service.
func Kind(status int) error {
	switch status {
	case http.StatusBadRequest:
		return objectstore.ErrRejected
	case http.StatusForbidden:
		return objectstore.ErrDenied
	case http.StatusNotFound:
		return objectstore.ErrNotFound
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return objectstore.ErrNotOffered
	case http.StatusNotModified, http.StatusPreconditionFailed:
		return objectstore.ErrPrecondition
	case http.StatusRequestedRangeNotSatisfiable:
		return objectstore.ErrRange
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return objectstore.ErrThrottled
	case http.StatusRequestTimeout:
		return objectstore.ErrPassing
	}
	switch {
	case Weather(status):
		return objectstore.ErrPassing
	case status >= 300 && status <= 399:
		return objectstore.ErrElsewhere
	}
	return nil
}

// Weather tells of a status that says nothing of the request: networks in between have some of
// their own above 519 (Cloudflare, "Error 520: web server returns an unknown error" and its
// kin).
func Weather(status int) bool {
	return status >= 500 && status != 501 && status != 505 && status != 507
}

// Cause returns the innermost error: those around it may hold the URL, and so the key.
func Cause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
