package cli

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// checkReports refuses, before anything is done, files that no report could be written to, or
// should be.
func (a *app) checkReports() error {
	for _, to := range a.reportTo {
		flag := fmt.Sprintf("--report %s=%s", to.format.name, to.file)
		if err := checkFile(flag, to.file); err != nil {
			return err
		}
		if err := a.checkKept(flag, to.file); err != nil {
			return err
		}
	}
	return nil
}

func checkFile(flag, file string) error {
	fault := ""
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		fault = file + " is a directory"
	} else if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		fault = "there is no directory " + filepath.Dir(file)
	}
	if fault == "" {
		return nil
	}
	return &usageError{err: fmt.Errorf("%s: %s", flag, fault), remedy: "name a file in a directory that is there"}
}

// writeWhole writes a file beside its place and moves it there, so that it is whole, or
// as it was before. What is no file, such as a pipe, is written to as it is.
func writeWhole(name string, write func(io.Writer) error) (err error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(buffered(f, write), f.Close())
	}
	if file, err := filepath.EvalSymlinks(name); err == nil {
		name = file // a link stays one
	}
	temporary := filepath.Join(filepath.Dir(name), ".residency-report-"+rand.Text()[:10])
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		// After a rename there is nothing left to remove.
		if gone := os.Remove(temporary); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	if err = buffered(f, write); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}

func buffered(f io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriter(f)
	if err := write(b); err != nil {
		return err // which Flush would say once more
	}
	return b.Flush()
}
