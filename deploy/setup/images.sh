# shellcheck shell=bash
# Images of this product: built from this checkout, or pulled from a registry. An image that is there is not made again.

SOURCES=(--build-arg PIP_INDEX_URL --build-arg UV_DEFAULT_INDEX --build-arg UV_FIND_LINKS) # values of the caller's shell

make_images() {
    step "Images"
    local airflow ray
    airflow=$(setting_of LLMBATCH_AIRFLOW_IMAGE) ray=$(setting_of LLMBATCH_RAY_IMAGE)
    if image_is_here "$airflow" && image_is_here "$ray"; then
        say "  $airflow and $ray are here"
    elif [ -n "$REGISTRY" ]; then
        run docker pull --quiet "$airflow"
        run docker pull --quiet "$ray"
    else
        build_image "$airflow" Dockerfile
        build_image "$ray" deploy/ray/Dockerfile --build-arg "LOCK=ray-$ACCELERATOR" --build-arg "BUNDLED_MODELS=$(bundled_models)"
    fi
}

image_is_here() { docker image inspect "$1" >/dev/null 2>&1; }

# build_image IMAGE DOCKERFILE ARGUMENT…
build_image() {
    local image=$1 file=$2 checkout
    shift 2
    if image_is_here "$image"; then
        say "  $image is here"
        return 0
    fi
    checkout=$(checkout_version)
    [ "$checkout" = "$VERSION" ] ||
        die "$image is not here, and this checkout is version $checkout. Check out $VERSION, or give --registry."
    run docker build --tag "$image" --file "$file" --build-arg "VERSION=$VERSION" --build-arg "REVISION=$(revision)" \
        "${SOURCES[@]}" "$@" .
}

# image_id IMAGE: empty if it is not here
image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null || true; }

# revision: the commit of this checkout; empty if it is none
revision() { git -C "$ROOT" rev-parse HEAD 2>/dev/null || true; }

# bundled_models: 1 if the configuration names models that come with the image
bundled_models() {
    if grep -q -E '^ +uri: *bundled:' "$(setting_of LLMBATCH_CONFIG_FILE ./config/config.yaml)" 2>/dev/null; then printf 1; fi
}
