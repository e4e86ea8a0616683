package report

import (
	"io"

	"github.com/residency/residency/cmd/internal/render"
)

// JSON writes the model as it is.
func JSON(w io.Writer, r *Report) error { return render.JSON(w, r) }
