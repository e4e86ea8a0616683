// Package remedy keeps what a person can do about an error beside the error, from
// where it is made to where it is shown. An error has a remedy if it has a method
//
//	Remedy() string
//
// Remedies are for people: one or two plain sentences without a full stop at the
// end, that name commands and settings. "Run the same command again" stands only
// where another run can help.
package remedy

import "errors"

// New returns an error of that text with a remedy. Each call's result is distinct,
// as with errors.New.
func New(text, remedy string) error { return &kind{text, remedy} }

type kind struct{ text, remedy string }

func (k *kind) Error() string  { return k.text }
func (k *kind) Remedy() string { return k.remedy }

// Wrap returns err with a remedy in place of those that it wraps: for whoever knows
// more than the cause does. It returns err itself if err is nil or the remedy empty.
func Wrap(err error, remedy string) error {
	if err == nil || remedy == "" {
		return err
	}
	return &wrapped{err, remedy}
}

type wrapped struct {
	error
	remedy string
}

func (w *wrapped) Unwrap() error  { return w.error }
func (w *wrapped) Remedy() string { return w.remedy }

// For returns the remedy of an error, or of the first in its tree that has one, in the
// order of errors.As: what is named first is what its maker took the error to be. It is
// empty where there is none.
func For(err error) string {
	var r interface{ Remedy() string }
	if errors.As(err, &r) {
		return r.Remedy()
	}
	return ""
}
