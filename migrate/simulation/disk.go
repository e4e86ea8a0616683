package simulation

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// disk is a file system that keeps through a loss of power only what was
// synced: a file's bytes by its own sync, a name by its directory's.
type disk struct {
	mu     sync.Mutex
	root   *folder
	serial int
	locked map[string]*process // by whom
}

// folder maps names to a *folder or a *file.
type folder struct{ names, durable map[string]any }

type file struct {
	data, synced []byte
}

func newDisk() *disk { return &disk{root: newFolder(), locked: make(map[string]*process)} }

func newFolder() *folder { return &folder{names: make(map[string]any), durable: make(map[string]any)} }

func missing(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

// at finds what has a path, in what is seen or in what would survive.
func (d *disk) at(name string, durable bool) any {
	var here any = d.root
	for segment := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		f, ok := here.(*folder)
		if !ok {
			return nil
		}
		if durable {
			here = f.durable[segment]
		} else {
			here = f.names[segment]
		}
	}
	return here
}

// folder finds the directory that a path lies in.
func (d *disk) folder(op, name string) (*folder, string, error) {
	dir, base := path.Split(name)
	if strings.Trim(dir, "/") == "" {
		return d.root, base, nil
	}
	f, ok := d.at(dir, false).(*folder)
	if !ok {
		return nil, "", missing(op, name)
	}
	return f, base, nil
}

func (d *disk) read(name string, durable bool) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ok := d.at(name, durable).(*file)
	if !ok {
		return nil, missing("open", name)
	}
	if durable {
		return slices.Clone(f.synced), nil
	}
	return slices.Clone(f.data), nil
}

func (d *disk) mkdir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, base, err := d.folder("mkdir", name)
	if err != nil {
		return err
	}
	if _, ok := f.names[base]; ok {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	f.names[base] = newFolder()
	return nil
}

func (d *disk) create(dir, pattern string) (string, *file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial++
	name := path.Join(dir, strings.Replace(pattern, "*", fmt.Sprint(d.serial), 1))
	f, base, err := d.folder("open", name)
	if err != nil {
		return "", nil, err
	}
	made := &file{}
	f.names[base] = made
	return name, made, nil
}

// move gives a file another name; without replace it keeps the old one too.
func (d *disk) move(from, to string, replace bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	source, oldName, err := d.folder("rename", from)
	if err != nil {
		return err
	}
	target, newName, err := d.folder("rename", to)
	if err != nil {
		return err
	}
	what, ok := source.names[oldName]
	if !ok {
		return missing("rename", from)
	}
	if _, taken := target.names[newName]; taken && !replace {
		return &fs.PathError{Op: "link", Path: to, Err: fs.ErrExist}
	}
	target.names[newName] = what
	if replace {
		delete(source.names, oldName)
	}
	return nil
}

func (d *disk) remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, base, err := d.folder("remove", name)
	if err != nil {
		return err
	}
	if _, ok := f.names[base]; !ok {
		return missing("remove", name)
	}
	delete(f.names, base)
	return nil
}

func (d *disk) syncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.root
	if strings.Trim(name, "/") != "" {
		var ok bool
		if f, ok = d.at(name, false).(*folder); !ok {
			return missing("open", name)
		}
	}
	f.durable = maps.Clone(f.names)
	return nil
}

// walk yields the files beneath a path in order; durable: those that would
// survive.
func (d *disk) walk(root string, durable bool, f func(name string)) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	top, ok := d.at(root, durable).(*folder)
	if ok {
		walkFolder(strings.TrimSuffix(root, "/"), top, durable, f)
	}
	return ok
}

func walkFolder(at string, f *folder, durable bool, visit func(string)) {
	names := f.names
	if durable {
		names = f.durable
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if sub, ok := names[name].(*folder); ok {
			walkFolder(at+"/"+name, sub, durable, visit)
		} else {
			visit(at + "/" + name)
		}
	}
}

// unlock ends the locks of a process.
func (d *disk) unlock(p *process) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.locked, func(_ string, by *process) bool { return by == p })
}

// locks tells whether a process has a lock.
func (d *disk) locks(p *process) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, by := range d.locked {
		if by == p {
			return true
		}
	}
	return false
}

// crash ends all locks. With a loss of power what was not synced is lost, or
// half of it, or is there after all: nothing can be said of it.
func (d *disk) crash(power bool, dice *dice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.locked)
	if power {
		d.root.crash(dice, dice.one(0.5))
	}
}

func (f *folder) crash(dice *dice, all bool) {
	every := maps.Clone(f.durable)
	maps.Copy(every, f.names)
	for _, name := range slices.Sorted(maps.Keys(every)) {
		now, there := f.names[name]
		was, durable := f.durable[name]
		if now != was && (all || dice.one(0.5)) {
			if durable {
				f.names[name] = was
			} else {
				delete(f.names, name)
			}
			now, there = was, durable
		}
		if !there {
			continue
		}
		switch x := now.(type) {
		case *folder:
			x.crash(dice, all)
		case *file:
			if string(x.data) != string(x.synced) && (all || dice.one(0.5)) {
				x.data = x.data[:len(x.data)*dice.below(3)/3]
			}
			x.synced = x.data
		}
	}
	f.durable = maps.Clone(f.names)
}

// restore puts files in the place of a directory, durably.
func (d *disk) restore(root string, files map[string][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	top := newFolder()
	for name, data := range files {
		dir := top
		parts := strings.Split(name, "/")
		for _, part := range parts[:len(parts)-1] {
			sub, ok := dir.names[part].(*folder)
			if !ok {
				sub = newFolder()
				dir.names[part], dir.durable[part] = sub, sub
			}
			dir = sub
		}
		f := &file{data: data, synced: data}
		dir.names[parts[len(parts)-1]], dir.durable[parts[len(parts)-1]] = f, f
	}
	f, base, err := d.folder("restore", root)
	must(err)
	f.names[base], f.durable[base] = top, top
}
