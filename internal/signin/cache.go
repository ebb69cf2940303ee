package signin

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/zalando/go-keyring"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A Cache stores people's sign-ins between runs. The data is MSAL's and contains refresh tokens.
type Cache interface {
	// Load returns the saved data, or nil if nothing is saved.
	Load() ([]byte, error)
	// Save replaces the saved data. Nil removes it.
	Save(data []byte) error
}

// A MemoryCache is a [Cache] in memory.
type MemoryCache struct {
	mu   sync.Mutex
	data []byte
}

// Load implements [Cache].
func (m *MemoryCache) Load() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.data), nil
}

// Save implements [Cache].
func (m *MemoryCache) Save(data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = bytes.Clone(data)
	return nil
}

// A FileCache is a [Cache] in a file that only its owner can read. The file is encrypted with a key
// in the operating system's keyring (Keychain, Credential Manager or Secret Service), because MSAL's
// data is too large for a keyring.
type FileCache struct{ Path string }

// The name of the key in the keyring.
const (
	keyService = "dbaudit"
	keyUser    = "sign-ins"
)

// cacheHeader begins the file. It is not encrypted, but authenticated.
const cacheHeader = "dbaudit sign-in cache 1\n"

// Load returns the decrypted data. It returns nil if the file is damaged or its key is missing.
func (f FileCache) Load() ([]byte, error) {
	encrypted, err := bounds.ReadFile(bounds.Credential, f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the saved sign-ins: %w", err)
	}
	aead, err := fileCipher(false)
	if err != nil {
		return nil, err
	}
	body, ok := bytes.CutPrefix(encrypted, []byte(cacheHeader))
	if aead == nil || !ok {
		return nil, nil
	}
	data, err := aead.Open(nil, nil, body, []byte(cacheHeader))
	if err != nil {
		return nil, nil //nolint:nilerr // the file is damaged
	}
	return data, nil
}

// Save encrypts data and replaces the file atomically. Without data, it removes the file and its key.
func (f FileCache) Save(data []byte) error {
	if len(data) == 0 {
		return f.remove()
	}
	aead, err := fileCipher(true)
	if err != nil {
		return err
	}
	encrypted := aead.Seal([]byte(cacheHeader), nil, data, []byte(cacheHeader))
	if err := replaceFile(f.Path, encrypted); err != nil {
		return fmt.Errorf("saving the sign-in: %w", err)
	}
	return nil
}

func (f FileCache) remove() error {
	switch err := os.Remove(f.Path); {
	case errors.Is(err, fs.ErrNotExist):
		_ = keyring.Delete(keyService, keyUser) // useless without a file; there may be no keyring
		return nil
	case err != nil:
		return fmt.Errorf("removing the saved sign-ins: %w", err)
	}
	if err := keyring.Delete(keyService, keyUser); err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return fmt.Errorf("removing the key of the saved sign-ins from the keyring: %w", err)
	}
	return nil
}

// fileCipher returns the cipher of the file. If there is no key, it creates one, or returns nil if
// create is false.
func fileCipher(create bool) (cipher.AEAD, error) {
	text, err := keyring.Get(keyService, keyUser)
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return nil, fmt.Errorf("asking the keyring for the key of the saved sign-ins: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 32 {
		if !create {
			return nil, nil //nolint:nilnil // no key is not an error
		}
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails, by its contract
		if err := keyring.Set(keyService, keyUser, base64.StdEncoding.EncodeToString(key)); err != nil {
			return nil, fmt.Errorf("putting the key of the saved sign-ins into the keyring: %w", err)
		}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// replaceFile replaces a file atomically. Only its owner can read the new one.
func replaceFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, filepath.Base(path)+".*") // has mode 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

// An msalCache adapts a Cache for MSAL. If the cache fails, for example because the keyring is locked,
// the sign-in continues with a cache in memory.
type msalCache struct {
	warn func(string)

	mu    sync.Mutex
	cache Cache
	last  []byte // the data that MSAL saved last
}

// Replace implements MSAL's cache.ExportReplace.
func (s *msalCache) Replace(_ context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := s.cache.Load()
	if err != nil {
		s.useMemory(err)
		data = s.last
	}
	if len(data) > 0 && into.Unmarshal(data) != nil {
		s.warn("the saved sign-ins cannot be read and are not used")
	}
	return nil
}

// Export implements MSAL's cache.ExportReplace.
func (s *msalCache) Export(_ context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	data, err := from.Marshal()
	if err != nil {
		return errors.New("the sign-in cannot be kept")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = data
	if err := s.cache.Save(data); err != nil {
		s.useMemory(err)
	}
	return nil
}

// useMemory replaces a cache that fails by one in memory.
func (s *msalCache) useMemory(err error) {
	s.cache = &MemoryCache{data: s.last}
	s.warn("the sign-in is kept for this run only: " + dataverse.Printable(err.Error()))
}
