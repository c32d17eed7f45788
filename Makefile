# Bootstrap
build:
	@test -d build || meson setup build
	ninja -C build
.PHONY: build
