//go:build unix

package console

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestWriteFileReplacesOnlyFiles checks that a symbolic link, a pipe or a device such as /dev/null
// is not replaced by a file.
func TestWriteFileReplacesOnlyFiles(t *testing.T) {
	dir := t.TempDir()
	file, link, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "new" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", info, err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		f, err := os.Open(pipe)
		if err != nil {
			read <- err.Error()
			return
		}
		defer f.Close()
		data, _ := io.ReadAll(f)
		read <- string(data)
	}()
	if err := WriteFile(pipe, []byte("through")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe was replaced: %v, %v", info, err)
	}
	if got := <-read; got != "through" {
		t.Errorf("%q", got)
	}
	if err := WriteFile(dir, nil); err == nil {
		t.Error("a folder was written to")
	}
}

// TestSameFile checks that different names of a file are recognized, whether it exists or not.
func TestSameFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("folder", "link"); err != nil {
		t.Skip(err)
	}
	for range 2 { // before there is a file, and after
		for _, name := range []string{"folder/a.md", "./folder/../folder/a.md", "link/a.md", filepath.Join(dir, "folder", "a.md")} {
			if !SameFile(name, filepath.Join(dir, "folder", "a.md")) {
				t.Errorf("%s is not known", name)
			}
		}
		if SameFile("folder/b.md", "folder/a.md") || SameFile("", "") {
			t.Error("two files are one")
		}
		if err := os.WriteFile("folder/a.md", nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link("folder/a.md", "other.md"); err != nil { // as a name in other letter case is on some systems
		t.Skip(err)
	}
	if !SameFile("other.md", "folder/a.md") {
		t.Error("another name of the file is not known")
	}
}
