//go:build unix

package state

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

func syncDir(path string) (err error) {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}

func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLeased
	}
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}
