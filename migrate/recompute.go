package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// ErrCertificate reports a certificate that does not say what the records say.
var ErrCertificate = remedy.New("the certificate is not what the records in the state say",
	"do not rely on this certificate; find out who changed it. The plan and its receipts, which the "+
		"state holds, say what was done")

// CheckCertificate holds the certificate of a plan, if it has one, against its records; that of
// an earlier version, too. ErrCertificate: they say something else.
func CheckCertificate(ctx context.Context, of *record.Record) error {
	_, err := checkCertificate(ctx, of)
	return err
}

// checkCertificate holds a certificate, if there is one, against the records: nothing
// but its own word says what is not derived from them. One of a source that was not
// empty is older than records of runs that came after it.
func checkCertificate(ctx context.Context, of *record.Record) (found bool, err error) {
	var said certificate.Certificate
	err = of.Certificate(ctx, &said)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return false, nil
	case errors.Is(err, state.ErrDamaged):
		return true, fmt.Errorf("%w: %w", ErrCertificate, err)
	case err != nil:
		return true, err
	case !said.SourceEmpty:
		return true, nil
	}
	account, err := audit.Take(ctx, of)
	if err != nil {
		return true, err
	}
	fields, err := account.Compare(ctx, of, &said)
	if err == nil && len(fields) > 0 {
		err = fmt.Errorf("%w: it differs in %s", ErrCertificate, strings.Join(fields, ", "))
	}
	if err == nil {
		if faults := account.Check(of); len(faults) > 0 {
			err = fmt.Errorf("%w: %w", ErrCertificate, errors.Join(faults...))
		}
	}
	return true, err
}
