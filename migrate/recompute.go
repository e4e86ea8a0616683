package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/state"
)

// ErrCertificate reports a certificate that does not say what the records say.
var ErrCertificate = remedy.New("the certificate is not what the records in the state say",
	"do not rely on this certificate; find out who changed it. The plan and its receipts, which the "+
		"state holds, say what was done")

// checkCertificate holds a certificate, if there is one, against the records: nothing
// but its own word says what is not derived from them. One of a source that was not
// empty is older than records of runs that came after it.
func (w *work) checkCertificate(ctx context.Context) (found bool, err error) {
	var said certificate.Certificate
	err = w.run.Certificate(ctx, &said)
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
	account, err := audit.Take(ctx, w.run.Record)
	if err != nil {
		return true, err
	}
	fields, err := account.Compare(ctx, w.run.Record, &said)
	if err == nil && len(fields) > 0 {
		err = fmt.Errorf("%w: it differs in %s", ErrCertificate, strings.Join(fields, ", "))
	}
	if err == nil {
		if faults := account.Check(w.run.Record); len(faults) > 0 {
			err = fmt.Errorf("%w: %w", ErrCertificate, errors.Join(faults...))
		}
	}
	return true, err
}
