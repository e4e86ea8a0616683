package state

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// plain refuses a path of which some part below the home is neither a directory
// nor, at its end, a regular file: a link could lead out of the home, and
// reading a pipe need never end. What is not there yet is fine.
func (d *Dir) plain(name string) error {
	path := d.path
	parts := strings.Split(name, "/")
	for i, part := range parts {
		path = filepath.Join(path, part)
		info, err := os.Lstat(path)
		if err != nil {
			return nil // not there; or what is about to be done fails, and says what it was
		}
		last := i == len(parts)-1
		switch {
		case last && !info.Mode().IsRegular() && !info.IsDir(),
			!last && info.Mode()&(fs.ModeSymlink|fs.ModeNamedPipe|fs.ModeDevice|fs.ModeSocket) != 0:
			return fmt.Errorf("%w: %s is a link, a pipe or a device", ErrDamaged, path)
		case last && info.Size() > maxDecoded:
			return fmt.Errorf("%w: %s has %d bytes", ErrDamaged, path, info.Size())
		}
	}
	return nil
}
