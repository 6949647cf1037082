"""A model folder is checked to the last byte; nothing in it can run, escape or fill the machine."""

import hashlib
import io
import json
import os
import pickle
import shutil
import stat
import struct
import sys
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import ModelError, OutputError
from LandmarkDetectionLib.models import (
    broken_models,
    install_model,
    list_models,
    load_model,
    package,
    registry,
    remove_model,
    save_model,
    user_model_folder,
    validate_model,
    weights,
)
from LandmarkDetectionLib.networks.architectures import ARCHITECTURES, build_network

PROTOCOL = Protocol.model_validate(
    {
        "name": "two",
        "title": "Two points",
        "version": "1.0.0",
        "region": "head",
        "landmarks": [
            {"name": "chin", "title": "Chin", "definition": "Lowest point of the chin."},
            {"name": "head_top", "title": "Top of the head", "definition": "Vertex."},
        ],
    }
)
SMALL = {"landmarks": 2, "channels": [4, 8]}
needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")


@pytest.fixture(scope="session")
def network():
    torch.manual_seed(0)
    return build_network("silhouette_unet", **SMALL)


def save(path, network, **changes):
    arguments = {
        "name": "small-model",
        "version": "1.2.3",
        "protocol": PROTOCOL,
        "networks": {"coronal": ("silhouette_unet", SMALL, network.state_dict())},
        "settings": {"pixel_mm": 5.0},
        "detector": "silhouette",
        "metadata_extra": {"authors": "Ada"},
        "card": "# Small model\n",
    }
    return save_model(path, **(arguments | changes))


@pytest.fixture(scope="session")
def pristine(tmp_path_factory, network):
    path = tmp_path_factory.mktemp("models") / "small-model"
    save(path, network)
    return path


@pytest.fixture
def folder(pristine, tmp_path):
    """A copy of a good model, to be damaged."""
    return shutil.copytree(pristine, tmp_path / "small-model")


@pytest.fixture(autouse=True)
def user_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path / "installed"))
    return tmp_path / "installed"


def metadata(folder):
    return json.loads((folder / "configs" / "metadata.json").read_text())


def rewrite(folder, content):
    (folder / "configs" / "metadata.json").write_text(json.dumps(content))


def change(folder, *keys, to):
    """Set one entry of the metadata, given by its keys."""
    content = inner = metadata(folder)
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    rewrite(folder, content)


NETWORK = ("landmark_detection", "networks", "coronal")


def replace_weights(folder, content):
    """Exchange the weights and make the checksum right, as an attacker would."""
    (folder / "models" / "coronal.safetensors").write_bytes(content)
    change(folder, *NETWORK, "sha256", to=hashlib.sha256(content).hexdigest())


def replace_tensors(folder, edit):
    tensors = load_file(folder / "models" / "coronal.safetensors")
    edit(tensors)
    save_file(tensors, folder / "models" / "edited")
    content = (folder / "models" / "edited").read_bytes()
    (folder / "models" / "edited").unlink()
    replace_weights(folder, content)


# --- good models ---


def test_a_saved_model_is_valid_and_says_what_was_given(pristine):
    assert validate_model(pristine) == []
    model = load_model(pristine)
    assert (model.name, model.version, model.detector) == ("small-model", "1.2.3", "silhouette")
    assert model.protocol == PROTOCOL
    assert model.settings == {"pixel_mm": 5.0}
    assert model.metadata["authors"] == "Ada"
    assert sorted(
        path.relative_to(pristine).as_posix() for path in pristine.rglob("*") if path.is_file()
    ) == [
        "LICENSE",
        "configs/metadata.json",
        "configs/protocol.json",
        "docs/README.md",
        "models/coronal.safetensors",
    ]


def test_a_built_network_answers_exactly_as_the_saved_one(pristine, network):
    built = load_model(pristine).build_networks()["coronal"]
    assert not built.training
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(built.state_dict()[name], tensor, rtol=0, atol=0)


def test_weights_may_be_stored_with_half_precision(tmp_path, network):
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    save(tmp_path / "half", network, networks={"coronal": ("silhouette_unet", SMALL, half)})
    built = load_model(tmp_path / "half").build_networks()["coronal"]
    assert {parameter.dtype for parameter in built.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("architecture", "parameters"), [("silhouette_unet", SMALL), ("regression_cnn", {"outputs": 18})]
)
def test_an_architecture_can_be_built_without_memory_as_loading_does_first(architecture, parameters):
    assert architecture in ARCHITECTURES
    with torch.device("meta"):
        state = build_network(architecture, **parameters).state_dict()
    assert {tensor.device.type for tensor in state.values()} == {"meta"}


def test_the_metadata_have_every_field_that_monai_requires(pristine):
    content = metadata(pristine)
    texts = (
        "schema version monai_version pytorch_version numpy_version task description authors copyright "
        "intended_use data_source data_type"
    ).split()
    for field in texts:
        assert isinstance(content[field], str)
        assert content[field]
    assert content["schema"].endswith("meta_schema_20240725.json")
    assert isinstance(content["required_packages_version"], dict)
    assert isinstance(content["changelog"], dict)
    for form in (content["network_data_format"], content["coronal_data_format"]):
        for tensors in (form["inputs"], form["outputs"]):
            for tensor in tensors.values():
                assert isinstance(tensor["type"], str)
                assert isinstance(tensor["format"], str)
                assert isinstance(tensor["num_channels"], int)
                assert all(isinstance(size, (str, int)) for size in tensor["spatial_shape"])
                assert isinstance(tensor["dtype"], str)
                assert isinstance(tensor["value_range"], list)
                assert isinstance(tensor["is_patch_data"], bool)
                assert isinstance(tensor["channel_def"], dict)


def test_saving_again_exchanges_the_model(tmp_path, network):
    save(tmp_path / "m", network)
    save(tmp_path / "m", network, version="2.0.0")
    assert load_model(tmp_path / "m").version == "2.0.0"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_saving_never_replaces_a_folder_that_is_no_model(tmp_path, network):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds something else"):
        save(tmp_path / "thesis", network)
    assert (tmp_path / "thesis" / "chapter.txt").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "My Model"}, "name: string should match"),
        ({"version": "new"}, "version: string should match"),
        ({"settings": {"function": print}}, "was not saved"),
        ({"settings": {"scale": float("nan")}}, "was not saved"),
        ({"metadata_extra": {"authors": 5}}, "authors: input should be a valid string"),
        ({"metadata_extra": {"network_data_format": {}}}, "network_data_format.inputs: is missing"),
        ({"networks": {"coronal": ("transformer", {}, {})}}, "'transformer' is unknown"),
        ({"networks": {"../coronal": ("silhouette_unet", SMALL, {})}}, "weights: must be a plain file name"),
        ({"networks": {"coronal": ("silhouette_unet", SMALL, {})}}, "lacks the tensor"),
    ],
)
def test_what_makes_no_usable_model_is_not_saved(tmp_path, network, changes, message):
    with pytest.raises(ModelError) as refusal:
        save(tmp_path / "m", network, **changes)
    assert message in str(refusal.value)
    assert not list(tmp_path.iterdir())


# --- damaged and malicious folders ---


class Bomb:
    """A pickle that would leave a trace if it were ever loaded."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return (os.mkdir, (self.trace,))


def pickled_weights(folder):
    replace_weights(folder, pickle.dumps(Bomb(folder.parent / "executed")))


def torch_weights(folder):
    stream = io.BytesIO()
    torch.save({"weight": torch.zeros(3)}, stream)
    replace_weights(folder, stream.getvalue())


def truncated_weights(folder):
    content = (folder / "models" / "coronal.safetensors").read_bytes()
    replace_weights(folder, content[: len(content) // 2])


def lying_header(folder):
    header = json.dumps({"x": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4 * 10**9]}}).encode()
    replace_weights(folder, struct.pack("<Q", len(header)) + header)


def one_byte_flipped(folder):
    path = folder / "models" / "coronal.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def wrong_shape(folder):
    def edit(tensors):
        name = max(tensors)
        tensors[name] = torch.zeros(7)

    replace_tensors(folder, edit)


def missing_tensor(folder):
    replace_tensors(folder, lambda tensors: tensors.pop(max(tensors)))


def extra_tensor(folder):
    replace_tensors(folder, lambda tensors: tensors.update(backdoor=torch.zeros(1)))


def nan_weights(folder):
    def edit(tensors):
        tensors[next(name for name in sorted(tensors) if tensors[name].is_floating_point())][:] = np.nan

    replace_tensors(folder, edit)


def integer_weights(folder):
    def edit(tensors):
        name = next(name for name in sorted(tensors) if tensors[name].is_floating_point())
        tensors[name] = tensors[name].int()

    replace_tensors(folder, edit)


def weights_elsewhere(path):
    def damage(folder):
        secret = folder.parent / "secret.safetensors"
        shutil.copy(folder / "models" / "coronal.safetensors", secret)
        change(folder, *NETWORK, "weights", to=path.format(secret=secret))

    return damage


def linked_weights(folder):
    path = folder / "models" / "coronal.safetensors"
    path.rename(folder.parent / "outside.safetensors")
    path.symlink_to(folder.parent / "outside.safetensors")


def linked_folder(folder):
    (folder / "models").rename(folder.parent / "outside")
    (folder / "models").symlink_to(folder.parent / "outside")


def linked_metadata(folder):
    path = folder / "configs" / "metadata.json"
    path.rename(folder.parent / "outside.json")
    path.symlink_to(folder.parent / "outside.json")


def write(name, content):
    def damage(folder):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return damage


def remove(name):
    return lambda folder: (folder / name).unlink()


def edit(*keys, to):
    return lambda folder: change(folder, *keys, to=to)


def drop(key):
    def damage(folder):
        content = metadata(folder)
        del content[key]
        rewrite(folder, content)

    return damage


DAMAGED = {
    "pickle named safetensors": (pickled_weights, "coronal.safetensors is damaged or no safetensors file"),
    "torch file named safetensors": (torch_weights, "coronal.safetensors is damaged or no safetensors file"),
    "truncated weights": (truncated_weights, "coronal.safetensors is damaged or no safetensors file"),
    "header larger than the file": (lying_header, "coronal.safetensors is damaged or no safetensors file"),
    "empty weights": (lambda folder: replace_weights(folder, b""), "is damaged or no safetensors file"),
    "one byte flipped": (one_byte_flipped, "does not match its checksum"),
    "missing weights": (remove("models/coronal.safetensors"), "models/coronal.safetensors is missing"),
    "wrong shape": (wrong_shape, "expected"),
    "missing tensor": (missing_tensor, "lacks the tensor"),
    "extra tensor": (extra_tensor, "unknown tensor 'backdoor'"),
    "weights are NaN": (nan_weights, "not finite"),
    "weights are integers": (integer_weights, "torch.int32"),
    "path to a parent": (weights_elsewhere("../secret.safetensors"), "must be a plain file name in models/"),
    "path through models": (
        weights_elsewhere("models/../../secret.safetensors"),
        "must be a plain file name",
    ),
    "absolute path": (weights_elsewhere("{secret}"), "must be a plain file name"),
    "Windows path": (weights_elsewhere("models\\..\\..\\secret.safetensors"), "must be a plain file name"),
    "other format": (weights_elsewhere("models/model.pt"), "must be a plain file name"),
    "missing metadata": (remove("configs/metadata.json"), "configs/metadata.json is missing"),
    "metadata cut": (
        write("configs/metadata.json", b'{"schema": "htt'),
        "configs/metadata.json: it is not valid JSON",
    ),
    "metadata empty": (write("configs/metadata.json", b""), "not valid JSON"),
    "metadata a list": (write("configs/metadata.json", b"[]"), "its JSON is no object"),
    "metadata not text": (write("configs/metadata.json", b"\xff\xfe\x00"), "not UTF-8"),
    "metadata too deep": (write("configs/metadata.json", b'{"a":' * 100_000), "configs/metadata.json"),
    "metadata too large": (write("configs/metadata.json", b" " * 3_000_000), "more than 2 MB"),
    "required field missing": (drop("pytorch_version"), "pytorch_version: is missing"),
    "no section": (drop("landmark_detection"), "landmark_detection: is missing"),
    "unknown key in section": (edit("landmark_detection", "hook", to=1), "hook: is not a known entry"),
    "_target_ in parameters": (
        edit(*NETWORK, "parameters", "_target_", to="os.system"),
        "_target_ would run code",
    ),
    "_target_ anywhere": (edit("evaluator", to=[{"_target_": "os.system"}]), "_target_ would run code"),
    "MONAI expression": (edit("landmark_detection", "settings", "x", to="$import os"), "would run code"),
    "unknown architecture": (edit(*NETWORK, "architecture", to="os"), "'os' is unknown"),
    "module path as architecture": (edit(*NETWORK, "architecture", to="os.path"), "string should match"),
    "unknown parameter": (edit(*NETWORK, "parameters", "evil", to=1), "cannot be built"),
    "parameter of the caller": (edit(*NETWORK, "parameters", "architecture", to="x"), "cannot be built"),
    "parameters of another network": (edit(*NETWORK, "parameters", "channels", to=[4, 16]), "expected"),
    "a network that would fill the memory": (
        edit(*NETWORK, "parameters", "channels", to=[60_000, 60_000]),
        "expected",
    ),
    "an endless number": (edit(*NETWORK, "parameters", "landmarks", to=10**12), "larger than 65536"),
    "missing protocol": (remove("configs/protocol.json"), "configs/protocol.json is missing"),
    "broken protocol": (write("configs/protocol.json", b"{}"), "configs/protocol.json: name: is missing"),
    "name with a path": (edit("name", to="../../home"), "name: string should match"),
    "pickle beside the weights": (
        write("models/model.pt", b"x"),
        "models/model.pt does not belong into a model",
    ),
    "script": (write("scripts/run.py", b"x"), "scripts/run.py does not belong"),
    "missing card": (remove("docs/README.md"), "docs/README.md is missing"),
    "missing licence": (remove("LICENSE"), "LICENSE is missing"),
    "weights are a link": (linked_weights, "models/coronal.safetensors is a link"),
    "models is a link": (linked_folder, "models is a link"),
    "metadata are a link": (linked_metadata, "configs/metadata.json is a link"),
}
# What only validation and installation look at; loading ignores it.
LOADABLE = {"pickle beside the weights", "script", "missing card", "missing licence"}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_or_malicious_model_is_refused_with_a_sentence(folder, case):
    damage, message = DAMAGED[case]
    if "link" in message and sys.platform == "win32":
        pytest.skip("links need rights on Windows")
    damage(folder)

    problems = validate_model(folder)
    assert message in " ".join(problems)
    assert all(problem.endswith(".") and "\n" not in problem for problem in problems)

    with pytest.raises(ModelError) as refusal:
        install_model(folder)
    assert str(refusal.value).startswith(f"{folder} was not installed: ")
    assert not list(user_model_folder().iterdir())

    if case not in LOADABLE:
        with pytest.raises(ModelError) as refusal:
            load_model(folder).build_networks()
        assert str(folder) in str(refusal.value)
    assert not (folder.parent / "executed").exists()


@needs_links
def test_a_link_to_itself_is_refused(folder):
    (folder / "configs" / "protocol.json").unlink()
    (folder / "configs" / "protocol.json").symlink_to("protocol.json")
    assert "configs/protocol.json is missing." in validate_model(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes exist on POSIX systems only")
def test_a_pipe_does_not_block(folder):
    (folder / "configs" / "protocol.json").unlink()
    os.mkfifo(folder / "configs" / "protocol.json")
    assert "configs/protocol.json is neither a file nor a folder." in validate_model(folder)
    with pytest.raises(ModelError, match="neither a file nor a folder"):
        install_model(folder)


def test_all_problems_of_a_model_are_listed_at_once(folder):
    (folder / "LICENSE").unlink()
    (folder / "run.sh").write_text("x")
    one_byte_flipped(folder)
    problems = " ".join(validate_model(folder))
    for message in ("LICENSE is missing", "run.sh does not belong", "does not match its checksum"):
        assert message in problems


@pytest.mark.parametrize("limit", ["MAX_FILES", "MAX_PACKAGE_BYTES", "MAX_FILE_BYTES"])
def test_a_model_that_is_too_large_is_refused(folder, monkeypatch, limit):
    monkeypatch.setattr(weights if limit == "MAX_FILE_BYTES" else package, limit, 3)
    assert validate_model(folder)
    with pytest.raises(ModelError):
        install_model(folder)
    assert not list(user_model_folder().iterdir())


# --- names ---


def test_an_unknown_name_is_answered_with_the_known_ones(pristine):
    install_model(pristine)
    with pytest.raises(ModelError, match=r"There is no model 'nose'; installed are .*small-model"):
        load_model("nose")


def test_an_installed_model_is_found_by_its_name(pristine, user_folder):
    model = install_model(pristine)
    assert model.path == user_folder / "small-model"
    assert load_model("small-model").path == model.path
    assert "small-model" in [one.name for one in list_models()]
    assert validate_model(model.path) == []


def test_installing_again_exchanges_the_model(pristine, tmp_path, network, user_folder):
    install_model(pristine)
    save(tmp_path / "newer", network, version="9.0.0")
    assert install_model(tmp_path / "newer").version == "9.0.0"
    assert [path.name for path in user_folder.iterdir()] == ["small-model"]


def test_a_shipped_model_is_neither_hidden_nor_replaced(pristine, tmp_path, monkeypatch, user_folder):
    shutil.copytree(pristine, tmp_path / "Models" / "small-model")
    monkeypatch.setattr(registry, "resource_path", lambda *parts: tmp_path.joinpath(*parts))
    with pytest.raises(ModelError, match="ships with landmark-detection"):
        install_model(pristine)
    shutil.copytree(pristine, user_folder / "small-model")
    assert load_model("small-model").path == tmp_path / "Models" / "small-model"


def test_a_broken_installed_model_is_reported_and_does_not_hide_the_others(pristine, user_folder):
    install_model(pristine)
    shutil.copytree(user_folder / "small-model", user_folder / "other-model")
    shutil.copytree(user_folder / "small-model", user_folder / "third-model")
    (user_folder / "third-model" / "configs" / "metadata.json").write_text("{")
    names = [model.name for model in list_models()]
    assert "small-model" in names
    assert "other-model" not in names
    broken = broken_models()
    assert "its name is 'small-model'" in broken["other-model"]
    assert "not valid JSON" in broken["third-model"]


def test_an_installed_model_can_be_removed_and_nothing_else(pristine, user_folder, tmp_path):
    install_model(pristine)
    (tmp_path / "precious").mkdir()
    for name in ("nose", "../precious", "", ".", str(tmp_path / "precious")):
        with pytest.raises(ModelError, match=r"is installed; your own: small-model"):
            remove_model(name)
    assert remove_model("small-model") == user_folder / "small-model"
    assert not list(user_folder.iterdir())
    assert (tmp_path / "precious").exists()


def test_a_folder_that_is_no_model_is_not_taken_for_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hips").mkdir()  # a data set, say
    with pytest.raises(ModelError, match=r"There is no model 'hips', and the folder .* Installed are .*hand"):
        load_model("hips")


def test_a_zip_file_is_not_loaded_but_its_installation_is_named(tmp_path):
    (tmp_path / "m.zip").write_bytes(b"x")
    with pytest.raises(ModelError, match="install it as a model first"):
        load_model(tmp_path / "m.zip")


def test_the_users_folder_follows_the_system_when_no_variable_is_set(monkeypatch):
    monkeypatch.delenv("LANDMARK_DETECTION_MODELS")
    assert user_model_folder().parts[-2:] == ("landmark-detection", "models")


# --- zip files ---


def zipped(folder, path, prefix="small-model/", extra=()):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(folder).as_posix())
        for entry, content in extra:
            archive.writestr(entry, content)
    return path


@pytest.mark.parametrize("prefix", ["", "small-model/"])
def test_a_zip_file_of_a_model_or_of_its_folder_is_installed(folder, tmp_path, prefix, user_folder):
    clutter = [("__MACOSX/._small-model", b"x"), (prefix + ".DS_Store", b"x")]
    model = install_model(zipped(folder, tmp_path / "m.zip", prefix, clutter))
    assert validate_model(model.path) == []
    assert [path.name for path in user_folder.iterdir()] == ["small-model"]


def link_entry(name):
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("../../escaped.json", b"{}"), "is not allowed"),
        (("/tmp/escaped.json", b"{}"), "is not allowed"),
        (("small-model/../../escaped.json", b"{}"), "is not allowed"),
        (("..\\..\\escaped.json", b"{}"), "is not allowed"),
        (("C:/escaped.json", b"{}"), "is not allowed"),
        (("small-model/.hidden.json", b"{}"), "is not allowed"),
        ((link_entry("small-model/docs/link.md"), "/etc/passwd"), "is a link"),
        (("small-model/docs/setup.py", b"x"), "does not belong into a model"),
        (("small-model/docs/readme.MD", b"x"), "twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_malicious_zip_file_leaves_nothing_anywhere(folder, tmp_path, user_folder, extra, message):
    source = zipped(folder, tmp_path / "m.zip", extra=[extra])
    before = set(tmp_path.parent.rglob("escaped.json"))
    with pytest.raises(ModelError) as refusal:
        install_model(source)
    assert message in str(refusal.value)
    assert not list(user_folder.iterdir())
    assert set(tmp_path.parent.rglob("escaped.json")) == before


def test_a_name_with_a_zero_byte_is_refused(folder, tmp_path):
    source = zipped(folder, tmp_path / "m.zip", extra=[("small-model/docs/run.py0.txt", b"x")])
    source.write_bytes(source.read_bytes().replace(b"run.py0.txt", b"run.py\0.txt"))
    with pytest.raises(ModelError, match="is not allowed"):
        install_model(source)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(folder, tmp_path, monkeypatch, user_folder):
    monkeypatch.setattr(package, "MAX_PACKAGE_BYTES", 5_000_000)
    source = zipped(folder, tmp_path / "m.zip", extra=[("small-model/docs/zeros.txt", bytes(6_000_000))])
    assert source.stat().st_size < 1_000_000
    with pytest.raises(ModelError, match="more than 5 MB"):
        install_model(source)
    assert not list(user_folder.iterdir())


def test_a_zip_bomb_that_lies_about_its_size_is_refused(folder, tmp_path, user_folder):
    source = zipped(folder, tmp_path / "m.zip", extra=[("small-model/docs/zeros.txt", bytes(6_000_000))])
    true, lie = struct.pack("<L", 6_000_000), struct.pack("<L", 10)
    source.write_bytes(source.read_bytes().replace(true, lie))
    with pytest.raises(ModelError, match=r"damaged|larger than"):
        install_model(source)
    assert not list(user_folder.iterdir())


def test_a_zip_file_of_very_many_files_is_refused(folder, tmp_path):
    extra = [(f"small-model/docs/{number}.txt", b"") for number in range(package.MAX_FILES)]
    with pytest.raises(ModelError, match="more than 500 files"):
        install_model(zipped(folder, tmp_path / "m.zip", extra=extra))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file or folder"),
        (b"", "neither a model folder nor a .zip file"),
        (b"PK\x03\x04 not really", "neither a model folder nor a .zip file"),
    ],
)
def test_what_is_no_zip_file_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "m.zip").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        install_model(tmp_path / "m.zip")


def test_a_truncated_or_altered_zip_file_is_refused(folder, tmp_path, user_folder):
    source = zipped(folder, tmp_path / "m.zip")
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 255
    source.write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        install_model(source)
    source.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="neither a model folder nor"):
        install_model(source)
    assert not list(user_folder.iterdir())
