package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// moveIn makes a file system in memory that holds nothing but the places, and
// makes it the root. Other mounts are gone then, from this process's view.
func (o *order) moveIn() error {
	// Whatever is mounted from now on is not seen outside.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return notAllowed("mount", err)
	}
	// Taken first, since the new root may lie above them.
	trees := make([]int, len(o.Places))
	for i, pl := range o.Places {
		var err error
		if trees[i], err = pl.take(); err != nil {
			return fmt.Errorf("%s: %w", pl.Path, err)
		}
	}
	root, err := newRoot()
	if err != nil {
		return err
	}
	for i, pl := range o.Places {
		if err := pl.put(trees[i], root); err != nil {
			return fmt.Errorf("%s: %w", pl.Path, err)
		}
	}
	if err := unix.Chdir(root); err != nil {
		return err
	}
	// The old root is put on top of the new one, and taken off.
	if err := unix.PivotRoot(".", "."); err != nil {
		return notAllowed("pivot_root", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return notAllowed("umount", err)
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return notAllowed("mount_setattr", err)
	}
	return unix.Chdir("/")
}

// notAllowed is the error of a system call that is not there or needs rights
// which a user namespace should give.
func notAllowed(call string, err error) error {
	switch err {
	case unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EINVAL:
		return fmt.Errorf("%w: %s: %w (an AppArmor profile or a container's rules may forbid it)", errors.ErrUnsupported, call, err)
	}
	return fmt.Errorf("%s: %w", call, err)
}

// newRoot mounts a file system in memory somewhere.
func newRoot() (string, error) {
	for _, dir := range []string{"/tmp", "/var/tmp", "/mnt", "/usr"} {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			if err := unix.Mount("sandbox", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=1m"); err != nil {
				return "", notAllowed("mount", err)
			}
			return dir, nil
		}
	}
	return "", errors.New("there is no directory /tmp to mount on")
}

// take makes a copy of the mounts at and below a place.
func (pl place) take() (tree int, err error) {
	tree, err = unix.OpenTree(unix.AT_FDCWD, pl.Path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return 0, notAllowed("open_tree", err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSUID}
	if !pl.Write {
		attr.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr); err != nil {
		return 0, notAllowed("mount_setattr", err)
	}
	return tree, nil
}

// put mounts what take returned at the same path below root.
func (pl place) put(tree int, root string) error {
	defer unix.Close(tree)
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return err
	}
	path := filepath.Join(root, pl.Path)
	if _, err := os.Lstat(path); err != nil { // not in another place
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			err = os.Mkdir(path, 0o755)
		} else {
			err = os.WriteFile(path, nil, 0o444)
		}
		if err != nil {
			return err
		}
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return notAllowed("move_mount", err)
	}
	return nil
}
